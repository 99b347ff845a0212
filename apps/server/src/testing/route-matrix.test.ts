import { api, type Endpoint } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { integersIn } from './matrix/bodies.ts'
import {
  addressOf,
  everyEndpoint,
  isOfTenant,
  isRead,
  keepExamples,
  parametersOf,
  send,
  type Listed,
  type Request,
} from './matrix/endpoints.ts'
import { makeEnvironment, makeSiblingProject, makeTenant, tracesOf, type Fixture } from './matrix/fixture.ts'
import { recording } from './matrix/recorded.ts'
import { swapInBody, swapInQuery, swapParameters, withinEnvironment, withinParent, withinProject, type Swap } from './matrix/swaps.ts'
import { startServer, type Answer, type TestServer } from './start-server.ts'

let server: TestServer
let home: Fixture
/** Another tenant, another project of ours, and another environment of our project. */
let foreign: Fixture
let sibling: Fixture
let besides: Fixture
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
  foreign = await makeTenant(server)
  sibling = await makeSiblingProject(home)
  besides = { ...home, environment: await makeEnvironment(home) }
})
afterAll(() => server.close())

const exampleOf = keepExamples()

async function withoutChange<T>(requests: () => Promise<T>): Promise<T> {
  const { answered, recorded } = await recording(server, requests)
  expect(recorded).toEqual([])
  return answered
}

function every(is: (endpoint: Endpoint) => boolean): Listed[] {
  return everyEndpoint.filter(({ endpoint }) => is(endpoint))
}

const nonPublic = every((endpoint) => endpoint.scope.level !== 'public')
const writes = every((endpoint) => !isRead(endpoint))
// Setting up works once per installation, and this one has people: users.test.ts. Resets go through mails: passwords.test.ts.
const triedElsewhere: readonly Endpoint[] = [
  api.users.setUp,
  api.passwords.requestReset,
  api.passwords.confirmReset,
  api.trustRelationships.exchange,
]
const repeatable = everyEndpoint.filter(({ endpoint }) => !triedElsewhere.includes(endpoint))

describe('what its contract says', () => {
  test.each(repeatable.filter(({ endpoint }) => isRead(endpoint)))('$name answers, and records nothing', async (listed) => {
    const request = await exampleOf(home, listed)
    const answer = await withoutChange(() => send(home, listed, request, home.authorization))
    expectReply(listed, answer)
  })

  test.each(repeatable.filter(({ endpoint }) => !isRead(endpoint)))('$name does and records', async (listed) => {
    const at = await roomFor(listed)
    const request = await listed.example(at)
    const { answered, recorded } = await recording(server, () => send(at, listed, request, request.authorization ?? at.authorization))
    expectReply(listed, answered)
    expectRecorded(listed, recorded)
    // Whoever signs in or out is somebody else.
    const isSomebody = listed.endpoint.scope.level === 'public' || request.authorization !== undefined
    for (const change of recorded)
      expect(change).toMatchObject({ actor_kind: 'user', actor_id: isSomebody ? expect.any(Number) : at.userId })
  })

  const forKeys = nonPublic.filter(({ endpoint }) => !endpoint.peopleOnly)
  test.each(forKeys)('$name is the same for the API key of an administrator', async (listed) => {
    const at = await roomFor(listed)
    const request = isRead(listed.endpoint) ? await exampleOf(at, listed) : await listed.example(at)
    const { answered, recorded } = await recording(server, () => send(at, listed, request, at.adminKey))
    expectReply(listed, answered)
    if (!isRead(listed.endpoint)) expectRecorded(listed, recorded)
    for (const change of recorded) expect(change).toMatchObject({ actor_kind: 'api_key', actor_name: 'Admin' })
  })

  test.each(writes)('$name says what it records', ({ endpoint }) => {
    expect(endpoint.records).not.toEqual([])
    expect(endpoint.records).toBeDefined()
  })
})

// What changes or ends its whole organisation gets one of its own.
function roomFor({ endpoint }: Listed): Promise<Fixture> | Fixture {
  const isWhole = endpoint.records?.some((type) => type === 'organisation.updated' || type === 'organisation.deleted')
  return isWhole ? makeTenant(server) : home
}

function expectReply({ endpoint }: Listed, { status, body, text }: Answer): void {
  expect({ status, text }).toEqual({ status: endpoint.status ?? 200, text: expect.any(String) })
  if (!endpoint.reply) return expect(text).toBe('')
  // Files are text, also where it is JSON.
  const answered = endpoint.file ? text : body
  // Neither less than documented nor more.
  expect(endpoint.reply.parse(answered)).toEqual(answered)
}

function expectRecorded({ endpoint }: Listed, recorded: Awaited<ReturnType<typeof recording>>['recorded']): void {
  expect(recorded).not.toEqual([])
  for (const { type, before, after } of recorded) {
    expect(endpoint.records).toContain(type)
    if (type.endsWith('.created')) expect(after).not.toBeNull()
    if (type.endsWith('.deleted')) expect(before).not.toBeNull()
    if (endpoint.method === 'PUT' || endpoint.method === 'PATCH') {
      expect({ before, after }).toEqual({ before: expect.any(Object), after: expect.any(Object) })
      expect(after).not.toEqual(before)
    }
  }
}

describe('what is missing from who asks', () => {
  test.each(nonPublic)('$name is not for nobody', async (listed) => {
    const request = await exampleOf(home, listed)
    const answer = await withoutChange(() => send(home, listed, request, undefined))
    expect(answer).toMatchObject({ status: 401, body: { detail: 'Authentication credentials were not provided.' } })
  })

  test.each([
    ['an expired API key', expiredKey],
    ['a revoked API key', revokedKey],
    ['a deleted API key', deletedKey],
    ['the token of somebody who signed out', signedOutToken],
  ])('no endpoint is for %s', async (_, makeCredential) => {
    const credential = await makeCredential()
    const requests = await Promise.all(nonPublic.map(async (listed) => ({ listed, request: await exampleOf(home, listed) })))
    const answers = await withoutChange(async () => {
      const answered: Answer[] = []
      // More at once than wait for a database are sent away, whoever they are from.
      for (let start = 0; start < requests.length; start += 50) {
        const some = requests.slice(start, start + 50)
        answered.push(...(await Promise.all(some.map(({ listed, request }) => send(home, listed, request, credential)))))
      }
      return answered
    })
    expect(answers.map(({ status }, index) => [nonPublic[index]?.name, status])).toEqual(nonPublic.map(({ name }) => [name, 401]))
  })

  test.each(nonPublic.filter(({ endpoint }) => endpoint.peopleOnly))('$name is for people, not for API keys', async (listed) => {
    const request = await exampleOf(home, listed)
    const answers = await withoutChange(() => Promise.all([home.adminKey, home.readerKey].map((key) => send(home, listed, request, key))))
    for (const answer of answers) expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringContaining('not an API key') } })
  })

  const inProject = every(({ scope }) => scope.level === 'project' || scope.level === 'environment')
  test.each(inProject)('$name does not exist for a member who cannot see where it works', async (listed) => {
    const request = await exampleOf(home, listed)
    const members = listed.endpoint.peopleOnly ? [home.member] : [home.member, home.readerKey]
    const answers = await withoutChange(() => Promise.all(members.map((member) => send(home, listed, request, member))))
    for (const answer of answers)
      expect({ status: answer.status, body: answer.body }).toEqual({ status: 404, body: { detail: 'Not found.' } })
  })

  const permitted = every(({ permission }) => !['MEMBER', 'ANYONE', 'VIEW_PROJECT', 'VIEW_ENVIRONMENT'].includes(permission))
  test.each(permitted)('$name is not for a member without the permission', async (listed) => {
    const { permission } = listed.endpoint
    const request = whereSeen(await exampleOf(home, listed))
    const answer = await withoutChange(() => send(home, listed, request, home.viewer))
    const named = permission === 'ADMIN' ? 'not an administrator' : permission
    expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringContaining(named) } })
  })

  const shown = every((endpoint) => isRead(endpoint) && ['MEMBER', 'VIEW_PROJECT', 'VIEW_ENVIRONMENT'].includes(endpoint.permission))
  test.each(shown)('$name is for whoever can see where it works', async (listed) => {
    const request = await exampleOf(home, listed)
    const answer = await send(home, listed, request, home.viewer)
    // What somebody else may do is for administrators to know.
    const isAboutOthers = 'user' in { ...request.params, ...request.query }
    expect(answer.status).toBe(isAboutOthers ? 403 : 200)
  })
})

// Some examples work in a project or environment of their own.
function whereSeen({ params = {}, ...request }: Request): Request {
  const seen = { project: home.project.id, environment_key: home.environment.api_key }
  return { ...request, params: { ...params, ...Object.fromEntries(Object.entries(seen).filter(([name]) => name in params)) } }
}

async function makeKey() {
  const params = { organisation: home.organisation.id }
  const keys = server.as(home.authorization, api.masterApiKeys)
  const { key, prefix } = await keys.create({ params, body: { name: 'Short-lived' } })
  return { keys, params: { ...params, prefix }, authorization: `Api-Key ${key}` }
}

async function expiredKey() {
  const { keys, params, authorization } = await makeKey()
  await keys.update({ params, body: { expiry_date: '2020-01-01T00:00:00Z' } })
  return authorization
}

async function revokedKey() {
  const { keys, params, authorization } = await makeKey()
  await keys.update({ params, body: { revoked: true } })
  return authorization
}

async function deletedKey() {
  const { keys, params, authorization } = await makeKey()
  await keys.delete({ params })
  return authorization
}

async function signedOutToken() {
  const authorization = await server.signUp()
  await server.as(authorization, api.users).logout({})
  return authorization
}

// What belongs to an organisation is the same in every project of it.
const isOfOrganisation = ({ scope }: Endpoint, { swapped }: Swap) =>
  scope.level === 'organisation' || ['user', 'group', 'role'].includes(swapped) || /^group_(ids|owners)\./.test(swapped)

// Invitations are for whoever holds them, which is tried in invites.test.ts.
const isInvitation = (endpoint: Endpoint) => endpoint === api.invites.join || endpoint === api.inviteLinks.join
const hasParameters = (endpoint: Endpoint) => parametersOf(endpoint).length > 0
const isScopeOf = ({ scope }: Endpoint, place: string) => 'from' in scope && scope.from === place

describe('what belongs to others', () => {
  test.each(every(isOfTenant))('$name does not exist for the administrator of another organisation', async (listed) => {
    const request = await exampleOf(home, listed)
    const strangers = listed.endpoint.peopleOnly ? [foreign.authorization] : [foreign.authorization, foreign.adminKey]
    const answers = await withoutChange(() => Promise.all(strangers.map((stranger) => send(home, listed, request, stranger))))
    for (const answer of answers) {
      expect(answer.status).toBe(404)
      expectNoTraceOf(home, answer)
    }
  })

  test.each(every((endpoint) => endpoint.scope.level === 'actor' && isRead(endpoint)))('$name tells others nothing', async (listed) => {
    const answer = await send(home, listed, await exampleOf(home, listed), foreign.authorization)
    expect(answer.status).toBe(listed.endpoint.method !== 'GET' || hasParameters(listed.endpoint) ? 404 : 200)
    expectNoTraceOf(home, answer)
  })

  const belonging = every((endpoint) => hasParameters(endpoint) && !isInvitation(endpoint))
  test.each(belonging)('$name finds in its path only what belongs together', async (listed) => {
    const names = parametersOf(listed.endpoint)
    const swapWith = async (names: readonly string[], makeOther: () => Promise<Request>) =>
      names.length === 0 ? [] : swapParameters(await exampleOf(home, listed), await makeOther(), names)
    const swaps = [
      ...(await swapWith(names, () => exampleOf(foreign, listed))),
      ...(await swapWith(withinProject(names), () => exampleOf(sibling, listed))),
      ...(await swapWith(withinEnvironment(names), () => exampleOf(besides, listed))),
      ...(await swapWith(withinParent(names), () => listed.example(home))),
    ]
    const statuses = await withoutChange(() => statusesOf(listed, swaps))
    expect(statuses).toEqual(swaps.map(({ swapped }) => `${swapped} → 404`))
  })

  test.each(every((endpoint) => endpoint.body !== undefined))('$name takes no ids of others in its body', async (listed) => {
    const ours = await exampleOf(home, listed)
    const others = integersIn(ours.body).length === 0 ? [] : [foreign, sibling]
    const isScope = ({ swapped }: Swap) => isScopeOf(listed.endpoint, `body.${swapped}`)
    const swaps = await Promise.all(others.map(async (other) => swapInBody(ours, await exampleOf(other, listed))))
    // Where an endpoint works is for the caller to choose among what is theirs.
    const refused = swaps.flatMap((swaps, index) =>
      others[index] === sibling ? swaps.filter((swap) => !isScope(swap) && !isOfOrganisation(listed.endpoint, swap)) : swaps,
    )
    const statuses = await withoutChange(() => statusesOf(listed, refused))
    expect(statuses).toEqual(refused.map((swap) => `${swap.swapped} → ${isScope(swap) ? 404 : 400}`))
  })

  test.each(every((endpoint) => endpoint.query !== undefined))('$name shows nothing of others that its query names', async (listed) => {
    const swaps = swapInQuery(await exampleOf(home, listed), await exampleOf(foreign, listed))
    const answers = await Promise.all(swaps.map(({ request }) => send(home, listed, request, home.authorization)))
    for (const answer of answers) {
      expect(answer.status).toBeOneOf([200, 400, 404])
      expectNoTraceOf(foreign, answer)
    }
  })

  const odd = ['0', '-1', '1.5', '2147483648', '99999999999999999999', 'abc', '%00', '%F0%9F%98%80', '00000000-0000-4000-8000-000000000000']
  test.each(every(hasParameters))('$name finds nothing at ids that nothing has', async (listed) => {
    const request = await exampleOf(home, listed)
    const addresses = parametersOf(listed.endpoint).flatMap((name) => odd.map((id) => addressOf(listed.endpoint, request, { [name]: id })))
    const options = { authorization: home.authorization, ...(request.body !== undefined && { body: request.body }) }
    const answers = await withoutChange(() =>
      Promise.all(addresses.map((address) => server.send(listed.endpoint.method, address, options))),
    )
    expect(answers.map(({ status }, index) => `${addresses[index]} → ${status}`)).toEqual(addresses.map((address) => `${address} → 404`))
  })
})

const statusesOf = (listed: Listed, swaps: readonly Swap[]) =>
  Promise.all(swaps.map(async ({ swapped, request }) => `${swapped} → ${(await send(home, listed, request, home.authorization)).status}`))

function expectNoTraceOf(fixture: Fixture, answer: Answer): void {
  expect(tracesOf(fixture).filter((trace) => answer.text.includes(trace))).toEqual([])
}
