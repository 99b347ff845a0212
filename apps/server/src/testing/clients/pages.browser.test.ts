import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueSetupToken } from '../../users/commands.ts'
import { startMailbox, type Mailbox } from '../mailbox.ts'
import { startServer, type TestServer } from '../start-server.ts'
import { startBrowser, type TestBrowser } from './browser.ts'

let mailbox: Mailbox
let server: TestServer
let browser: TestBrowser
beforeAll(async () => {
  mailbox = await startMailbox()
  server = await startServer({ mail: mailbox.mail })
  browser = await startBrowser('')
})
afterAll(async () => {
  await browser.close()
  await server.close()
  await mailbox.close()
})

const person = { password: 'correct horse battery', first_name: 'Ada', last_name: 'Lovelace' }
const next = 'another long password'

async function signUp(): Promise<string> {
  const email = `${randomUUID()}@example.com`
  expect((await server.send('POST', '/api/v1/auth/users/', { body: { ...person, email } })).status).toBe(201)
  return email
}

const signIn = async (email: string, password: string) =>
  (await server.send('POST', '/api/v1/auth/login/', { body: { email, password } })).status

async function linkIn(email: string): Promise<string> {
  const { text } = await mailbox.take(email)
  return /\/password-reset\/confirm\/\S+/.exec(text)?.[0] ?? ''
}

describe('a forgotten password', () => {
  test('is replaced with nothing but a keyboard: a link is asked for, and followed', async () => {
    const email = await signUp()
    const opened = await browser.open()
    const { page } = opened
    await page.goto(`${server.url}/password-reset`)
    await page.keyboard.press('Tab')
    await page.keyboard.type(email)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Look into your mail' }).waitFor()
    await page.goto(`${server.url}${await linkIn(email)}`)
    await page.keyboard.press('Tab')
    await page.keyboard.type(next)
    await page.keyboard.press('Tab')
    await page.keyboard.type(next)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Your password is changed' }).waitFor()
    expect(await page.locator(':focus').textContent()).toBe('Your password is changed')
    expect(await signIn(email, next)).toBe(200)
    await opened.close()
  })

  test('is asked for again where something is wrong, and said what', async () => {
    const { page } = await browser.open()
    await page.goto(`${server.url}/password-reset/confirm/${randomUUID()}/used`)
    const [first, second] = [page.getByLabel('New password'), page.getByLabel('The same once more')]
    await first.fill('12345678')
    await second.fill('12345678')
    await page.keyboard.press('Enter')
    await page.getByText('This password is entirely numeric.').waitFor()
    expect(await first.getAttribute('aria-invalid')).toBe('true')
    expect(await page.locator(':focus').getAttribute('id')).toBe('new_password')
    await first.fill(next)
    await page.keyboard.press('Enter')
    await page.getByText('The two password fields did not match.').waitFor()
    await second.fill(next)
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('or is older than 15 minutes').waitFor()
    await page.getByRole('link', { name: 'Ask for a new link' }).click()
    await page.getByRole('heading', { name: 'Forgotten password' }).waitFor()
    await page.context().close()
  })
})

test('the first administrator is made with the link that the server prints', async () => {
  const token = (await issueSetupToken(server.control)) ?? ''
  const opened = await browser.open()
  const { page } = opened
  await page.goto(`${server.url}/setup?token=${token}`)
  await page.getByLabel('First name').fill('Grace')
  await page.getByLabel('Last name').fill('Hopper')
  await page.getByLabel('E-mail address').fill('grace@example.com')
  await page.getByLabel('Password').fill(person.password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'You are the administrator' }).waitFor()
  expect(await page.locator('#key').textContent()).toMatch(/\S{20}/)
  expect(await signIn('grace@example.com', person.password)).toBe(200)
  await opened.close()
})
