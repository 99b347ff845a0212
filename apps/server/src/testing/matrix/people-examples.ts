import { api } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { generateSync } from 'otplib'
import type { TestServer } from '../start-server.ts'
import type { ExamplesOf } from './example.ts'
import { nameOf, type Fixture } from './fixture.ts'

const password = 'correct horse battery'
const newPerson = () => ({ email: `${randomUUID()}@example.com`, password, first_name: 'Ada', last_name: 'Lovelace' })

async function signUp(server: TestServer) {
  const person = newPerson()
  const { key } = await server.as('', api.users).create({ body: person })
  return { email: person.email, authorization: `Token ${key}` }
}

/** Somebody who signs in with an authenticator app, and a code of it that is not used. */
export async function makeSecondFactor(server: TestServer) {
  const { email, authorization } = await signUp(server)
  const factors = server.as(authorization, api.secondFactors)
  const { secret } = await factors.start({})
  const { backup_codes: recoveryCodes } = await factors.confirm({ body: { code: generateSync({ secret }) } })
  // The next step's: that of this one is used.
  const code = generateSync({ secret, epoch: Math.floor(Date.now() / 1000) + 30 })
  return { email, authorization, secret, code, recoveryCodes }
}

export const users: ExamplesOf<typeof api.users> = {
  create: async () => ({ body: { ...newPerson(), sign_up_type: 'NO_INVITE', marketing_consent_given: true } }),
  login: async ({ server }) => ({ body: { email: (await signUp(server)).email, password, as_cookie: false } }),
  async loginWithCode({ server }) {
    const { email, code } = await makeSecondFactor(server)
    const step = await server.as('', api.users).login({ body: { email, password } })
    return { body: { ephemeral_token: 'ephemeral_token' in step ? step.ephemeral_token : '', code, as_cookie: false } }
  },
  logout: async ({ server }) => ({ authorization: await server.signUp() }),
  deleteToken: async ({ server }) => ({ authorization: await server.signUp() }),
  me: async () => ({}),
  updateMe: async () => ({ body: { first_name: 'Augusta' } }),
  replaceMe: async () => ({ body: { first_name: 'Ada', last_name: 'King' } }),
  updateOnboarding: async (at) => ({
    body: {
      tasks: [{ name: nameOf(at, 'task'), completed_at: null }],
      tools: { completed: true, integrations: ['slack'] },
      hosting_preferences: ['self'],
    },
  }),
  deleteMe: async ({ server }) => ({
    authorization: (await signUp(server)).authorization,
    body: { current_password: password, delete_orphan_organisations: true },
  }),
  setEmail: async ({ server }) => ({
    authorization: (await signUp(server)).authorization,
    body: { current_password: password, new_email: newPerson().email },
  }),
  setUp: async () => ({ body: { ...newPerson(), token: 'that of the link' } }),
}

export const passwords: ExamplesOf<typeof api.passwords> = {
  set: async ({ server }) => ({
    authorization: (await signUp(server)).authorization,
    body: { current_password: password, new_password: 'another long password', re_new_password: 'another long password' },
  }),
  requestReset: async ({ server }) => ({ body: { email: (await signUp(server)).email } }),
  // Only mails hold the token: passwords.test.ts.
  confirmReset: async () => ({
    body: { uid: randomUUID(), token: 'that of the link', new_password: 'another long password', re_new_password: 'another long password' },
  }),
}

async function startedFactor(server: TestServer) {
  const { authorization } = await signUp(server)
  const { secret } = await server.as(authorization, api.secondFactors).start({})
  return { authorization, code: generateSync({ secret }) }
}

export const secondFactors: ExamplesOf<typeof api.secondFactors> = {
  start: async ({ server }) => ({ authorization: (await signUp(server)).authorization }),
  async confirm({ server }) {
    const { authorization, code } = await startedFactor(server)
    return { authorization, body: { code } }
  },
  disable: async ({ server }) => ({
    authorization: (await makeSecondFactor(server)).authorization,
    body: { current_password: password },
  }),
  list: async () => ({}),
}

async function makeSession({ server, authorization }: Fixture) {
  const { email } = await server.as(authorization, api.users).me({})
  await server.as('', api.users).login({ body: { email, password } })
  const [newest] = await server.as(authorization, api.sessions).list({})
  if (!newest) throw new Error('Nobody is signed in.')
  return { session: newest.id }
}

export const sessions: ExamplesOf<typeof api.sessions> = {
  list: async () => ({}),
  end: async (at) => ({ params: await makeSession(at) }),
  endOthers: async ({ server }) => ({ authorization: (await signUp(server)).authorization }),
}

const tokenSettings = (at: Fixture) => ({
  name: nameOf(at, 'token'),
  expires_at: new Date(Date.now() + 86_400_000).toISOString(),
  current_password: password,
})

export const personalTokens: ExamplesOf<typeof api.personalTokens> = {
  list: async () => ({}),
  create: async (at) => ({ body: tokenSettings(at) }),
  async delete(at) {
    const made = await at.server.as(at.authorization, api.personalTokens).create({ body: tokenSettings(at) })
    return { params: { personal_token: made.id } }
  },
}
