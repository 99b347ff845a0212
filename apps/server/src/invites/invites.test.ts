import { api } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { system } from '../access/actor.ts'
import { runEdit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { startMailbox, type Mailbox } from '../testing/mailbox.ts'
import { hashPassword } from '../runtime/secrets.ts'
import { makeGroup } from '../testing/matrix/makers.ts'
import { makeTenant, type Fixture } from '../testing/matrix/fixture.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'
import { createFirstAdmin } from '../users/commands.ts'

const publicUrl = 'https://flags.example.com'
let mailbox: Mailbox
let server: TestServer
let home: Fixture
beforeAll(async () => {
  mailbox = await startMailbox()
  server = await startServer({ mail: mailbox.mail, publicUrl })
  home = await makeTenant(server)
})
afterAll(async () => {
  await server.close()
  await mailbox.close()
})

const within = (at: Pick<Fixture, 'organisation'> = home) => ({ organisation: at.organisation.id })
const invites = (at: Fixture = home) => server.as(at.authorization, api.invites)
const links = (at: Fixture = home) => server.as(at.authorization, api.inviteLinks)
const newAddress = () => `${randomUUID()}@example.com`
const endOf = (link: string | null) => link?.split('/').at(-1) ?? ''
const send = (path: string, body: unknown, authorization: string, headers: Record<string, string> = {}) =>
  server.send('POST', `/api/v1/organisations/${home.organisation.id}/${path}`, { authorization, body, headers })
const joinAs = (authorization: string, hash: string) => server.send('POST', `/api/v1/users/join/${hash}/`, { authorization })
const joinByLinkAs = (authorization: string, hash: string) => server.send('POST', `/api/v1/users/join/link/${hash}/`, { authorization })
const membersOf = (at: Fixture = home) => server.as(at.authorization, api.members).list({ params: within(at) })

async function signUp(at: TestServer = server, rest: { email?: string; invite_hash?: string } = {}) {
  const person = { email: newAddress(), password: 'correct horse battery', first_name: 'Grace', last_name: 'Hopper', ...rest }
  const answer = await at.send('POST', '/api/v1/auth/users/', { body: person })
  const key = typeof answer.body === 'object' && answer.body !== null && 'key' in answer.body ? String(answer.body.key) : ''
  return { ...answer, email: person.email, authorization: `Token ${key}` }
}

/** Time passing for what has an end. */
const expire = (table: 'invites' | 'invite_links', id: number) =>
  runEdit(server.control, { actor: system('tests'), lock: { on: 'nothing' } }, async (edit) => {
    await edit.tx.updateTable(table).set({ expires_at: edit.at }).where('id', '=', id).execute()
    await recordChange(edit, { type: 'invite.created', organisation: home.organisation, subject: id })
  })

describe('an invitation by e-mail', () => {
  test('comes by mail and is accepted once, with its role and its groups beside the default ones', async () => {
    const { email, authorization } = await signUp()
    const [group, other] = [await makeGroup(home), await makeGroup(home)]
    await server.as(home.authorization, api.groups).update({ params: { ...within(), group: other.id }, body: { is_default: true } })
    const body = { invites: [{ email: email.toUpperCase(), role: 'ADMIN' as const, permission_groups: [group.id] }] }
    const [invite] = await invites().createMany({ params: within(), body })
    expect(invite).toMatchObject({ email, role: 'ADMIN', permission_groups: [group.id], invited_by: { id: home.userId } })
    const { text, headers } = await mailbox.take(email)
    expect(headers['subject']).toContain('Join Organisation')
    expect(text).toContain('Ada Tester invites you')
    expect(text).toContain(`${publicUrl}/invite/`)
    expect(text).toContain(invite?.link)
    const hash = endOf(invite?.link ?? null)
    expect(await joinAs(authorization, hash)).toMatchObject({ status: 200, body: { id: home.organisation.id, role: 'ADMIN' } })
    const mine = await server.as(authorization, api.groups).listMine({ params: within() })
    expect(mine.results.map(({ id }) => id)).toEqual([group.id, other.id])
    expect(await joinAs(authorization, hash)).toMatchObject({ status: 404, body: { detail: expect.stringContaining('used or withdrawn') } })
    expect(await invites().list({ params: within(), query: {} })).toMatchObject({ count: 0 })
  })

  test('of two hundred who accept at once, one wins', async () => {
    const { email, authorization } = await signUp()
    const invite = await invites().create({ params: within(), body: { email } })
    const answers = await Promise.all(Array.from({ length: 200 }, () => joinAs(authorization, endOf(invite.link))))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    // Who would have to wait too long for a connection is told to come back.
    for (const { status } of answers) expect(status).toBeOneOf([200, 404, 503])
    expect((await membersOf()).filter((member) => member.email === email)).toHaveLength(1)
  })

  test('is for its address only', async () => {
    const invite = await invites().create({ params: within(), body: { email: newAddress() } })
    const { email, authorization } = await signUp()
    expect(await joinAs(authorization, endOf(invite.link))).toMatchObject({ status: 403, body: { detail: expect.stringContaining(email) } })
    expect((await joinByLinkAs(authorization, endOf(invite.link))).status).toBe(404)
    expect(await invites().get({ params: { ...within(), invite: invite.id } })).toEqual(invite)
  })

  test('ends when it expires, until it is sent again, and for good when it is withdrawn', async () => {
    const { email, authorization } = await signUp()
    const invite = await invites().create({ params: within(), body: { email } })
    const params = { ...within(), invite: invite.id }
    await mailbox.take(email)
    await expire('invites', invite.id)
    expect(await joinAs(authorization, endOf(invite.link))).toMatchObject({
      status: 400,
      body: { non_field_errors: [expect.stringContaining('expired')] },
    })
    const again = await invites().resend({ params })
    expect(Date.parse(again.expires_at)).toBeGreaterThan(Date.now())
    expect((await mailbox.take(email)).text).toContain(again.link)
    await invites().delete({ params })
    expect((await joinAs(authorization, endOf(again.link))).status).toBe(404)
  })

  test('is refused for members, for who is invited already, and for groups of others: all of them or none', async () => {
    const { email } = await signUp()
    const [member] = await membersOf()
    await invites().create({ params: within(), body: { email } })
    const strange = await makeGroup(await makeTenant(server))
    const fresh = newAddress()
    const body = { invites: [{ email: fresh, permission_groups: [strange.id] }], emails: [member?.email, email, email] }
    expect(await send('invite/', body, home.authorization)).toMatchObject({
      status: 400,
      body: {
        invites: [{ permission_groups: [expect.stringContaining('does not exist')] }],
        emails: [
          { email: [expect.stringContaining('belongs to')] },
          { email: [expect.stringContaining('invited already')] },
          { email: [expect.any(String)] },
        ],
      },
    })
    expect(await send('invite/', {}, home.authorization)).toMatchObject({
      status: 400,
      body: { non_field_errors: ['Name somebody to invite.'] },
    })
    expect((await invites().create({ params: within(), body: { email: fresh } })).email).toBe(fresh)
  })

  test('is mailed to one address a few times an hour, whoever asks', async () => {
    const email = newAddress()
    const invite = await invites().create({ params: within(), body: { email } })
    const resend = (authorization: string) => send(`invites/${invite.id}/resend/`, undefined, authorization)
    const statuses = []
    for (const authorization of [home.authorization, home.adminKey, home.authorization, home.adminKey, home.adminKey])
      statuses.push((await resend(authorization)).status)
    expect(statuses).toEqual([200, 200, 200, 200, 429])
    const other = await makeTenant(server)
    await expect(invites(other).create({ params: within(other), body: { email } })).rejects.toMatchObject({ status: 429 })
  })

  test('links to where the installation is, not to what a request says', async () => {
    const email = newAddress()
    const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' }
    const answer = await send('invites/', { email, frontend_base_url: 'https://evil.example' }, home.authorization, headers)
    const { text, html } = await mailbox.take(email)
    expect([answer.text, text, html].join()).not.toContain('evil')
  })

  test('leaves no token in the database', async () => {
    const { email } = await signUp()
    const invite = await invites().create({ params: within(), body: { email } })
    const link = await links().create({ params: within(), body: {} })
    const kept = await Promise.all(
      (['invites', 'invite_links', 'changes', 'jobs'] as const).map((table) => server.control.db.selectFrom(table).selectAll().execute()),
    )
    const text = JSON.stringify(kept)
    expect(text).toContain(email)
    expect(text).not.toContain(endOf(invite.link))
    expect(text).not.toContain(link.hash)
    expect(text).not.toMatch(/"(before|after)":\{[^}]*token_hash/)
  })
})

describe('an invite link', () => {
  test('lets anybody join who has it, until it expires or is deleted', async () => {
    const link = await links().create({ params: within(), body: { role: 'USER' } })
    expect(link.link).toBe(`${publicUrl}/invite-link/${link.hash}`)
    const hash = link.hash ?? ''
    const people = await Promise.all([signUp(), signUp(), signUp()])
    expect(await joinByLinkAs(people[0].authorization, hash)).toMatchObject({ status: 200, body: { role: 'USER' } })
    expect((await joinByLinkAs(people[1].authorization, hash)).status).toBe(200)
    expect(await joinByLinkAs(people[1].authorization, hash)).toMatchObject({
      status: 400,
      body: { non_field_errors: [expect.stringContaining('already')] },
    })
    await expire('invite_links', link.id)
    expect((await joinByLinkAs(people[2].authorization, hash)).status).toBe(400)
    await links().delete({ params: { ...within(), invite_link: link.id } })
    expect((await joinByLinkAs(people[2].authorization, hash)).status).toBe(404)
  })

  test('is refused where links are turned off', async () => {
    const closed = await startServer({ disableInviteLinks: true })
    const at = await makeTenant(closed)
    const refused = { status: 403, message: expect.stringContaining('DISABLE_INVITE_LINKS') }
    const own = closed.as(at.authorization, api.inviteLinks)
    await expect(own.list({ params: within(at) })).rejects.toMatchObject(refused)
    await expect(own.create({ params: within(at), body: {} })).rejects.toMatchObject(refused)
    await expect(own.join({ params: { hash: 'any' } })).rejects.toMatchObject(refused)
    await closed.close()
  })
})

describe('signing up where that needs an invitation', () => {
  let closed: TestServer
  let at: Pick<Fixture, 'authorization' | 'organisation'>
  beforeAll(async () => {
    closed = await startServer({ allowRegistrationWithoutInvite: false })
    const ada = { email: newAddress(), first_name: 'Ada', last_name: 'Lovelace', passwordHash: await hashPassword('correct horse battery') }
    await runEdit(closed.control, { actor: system('set-up'), lock: { on: 'nothing' } }, (edit) => createFirstAdmin(edit, ada))
    const login = await closed.as('', api.users).login({ body: { email: ada.email, password: 'correct horse battery' } })
    const authorization = `Token ${'key' in login ? login.key : ''}`
    const [organisation] = (await closed.as(authorization, api.organisations).list({})).results
    if (!organisation) throw new Error('The first administrator has no organisation.')
    at = { authorization, organisation }
  })
  afterAll(() => closed.close())

  const invite = (email: string) => closed.as(at.authorization, api.invites).create({ params: within(at), body: { email } })

  test('is open to whoever was invited, with the address that was, who then joins', async () => {
    const email = newAddress()
    const made = await invite(email)
    const hash = endOf(made.link)
    expect((await signUp(closed, { invite_hash: hash })).body).toEqual({ detail: expect.stringContaining('another e-mail address') })
    const { status, body, authorization } = await signUp(closed, { email, invite_hash: hash })
    expect({ status, body }).toMatchObject({ status: 201, body: { sign_up_type: 'INVITE_EMAIL' } })
    const joined = await closed.as(authorization, api.invites).join({ params: { hash } })
    expect(joined).toMatchObject({ id: at.organisation.id, role: 'USER' })
    expect((await signUp(closed, { invite_hash: hash })).status).toBe(403)
  })

  test('is open to whoever has a link', async () => {
    const link = await closed.as(at.authorization, api.inviteLinks).create({ params: within(at), body: {} })
    const { status, body } = await signUp(closed, { invite_hash: link.hash ?? '' })
    expect({ status, body }).toMatchObject({ status: 201, body: { sign_up_type: 'INVITE_LINK' } })
  })

  test.each(['', 'nothing'])('is closed with %j', async (hash) => {
    expect((await signUp(closed, { invite_hash: hash })).status).toBe(403)
  })
})
