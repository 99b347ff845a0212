import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { startServer, type TestServer } from './start-server.ts'

// A new team's first day, as somebody would type it who has read the README and /api/docs: requests and what comes back, no helpers
// of ours. Each test goes on from the one before, as the day does.

let first: TestServer
let second: TestServer
beforeAll(async () => {
  first = await startServer({ importMegabytesMax: 10 })
  second = await startServer({ importMegabytesMax: 10 })
  // Installations begin apart, but the databases of tests are copies of one.
  for (const sequence of ['segments_id_seq', 'feature_states_id_seq'])
    await second.runtime.control.pool.query(`select setval('${sequence}', (select last_value + 200000000 from ${sequence}))`)
})
afterAll(async () => {
  await first.close()
  await second.close()
})

const made = z.looseObject({ id: z.number() })
const anything = z.looseObject({})

async function ask(server: TestServer, who: string, request: string, body?: unknown): Promise<z.output<typeof anything>> {
  const [method = '', path = ''] = request.split(' ')
  const answer = await server.send(method, path, { authorization: who, ...(body !== undefined && { body }) })
  if (answer.status >= 400) throw new Error(`${request} answered ${answer.status}: ${answer.text}`)
  return anything.catch({}).parse(answer.body)
}

const make = async (server: TestServer, who: string, request: string, body: unknown) => made.parse(await ask(server, who, request, body))

async function signUp(server: TestServer, name: string, invite?: string): Promise<string> {
  const person = { email: `${name.toLowerCase()}@acme.test`, password: 'correct horse battery', first_name: name, last_name: 'Acme' }
  const { key } = z
    .looseObject({ key: z.string() })
    .parse(await ask(server, '', 'POST /api/v1/auth/users/', { ...person, invite_hash: invite }))
  return `Token ${key}`
}

const at = {
  ada: '',
  grace: '',
  linus: '',
  organisation: 0,
  project: 0,
  production: '',
  productionId: 0,
  staging: '',
  checkout: 0,
  gold: 0,
}
const flagOf = async (
  server: TestServer,
  key: string,
  identity: { identifier: string; traits?: { trait_key: string; trait_value: unknown }[] },
) => {
  const { body } = await server.send('POST', '/api/v1/identities/', { headers: { 'x-environment-key': key }, body: identity })
  const { flags } = z
    .object({
      flags: z.array(z.object({ enabled: z.boolean(), feature_state_value: z.unknown(), feature: z.object({ name: z.string() }) })),
    })
    .parse(body)
  return flags
    .filter(({ feature }) => feature.name === 'checkout')
    .map(({ feature, enabled, feature_state_value: value }) => [feature.name, enabled, value])
}

test('an organisation is set up with a project, two environments and three people of different rights', async () => {
  at.ada = await signUp(first, 'Ada')
  at.organisation = (await make(first, at.ada, 'POST /api/v1/organisations/', { name: 'Acme' })).id
  at.project = (await make(first, at.ada, 'POST /api/v1/projects/', { name: 'Shop', organisation: at.organisation })).id
  const environment = z.looseObject({ id: z.number(), api_key: z.string() })
  const production = environment.parse(await ask(first, at.ada, 'POST /api/v1/environments/', { name: 'Production', project: at.project }))
  Object.assign(at, { production: production.api_key, productionId: production.id })
  at.staging = environment.parse(await ask(first, at.ada, 'POST /api/v1/environments/', { name: 'Staging', project: at.project })).api_key

  const invited = await first.send('POST', `/api/v1/organisations/${at.organisation}/invite/`, {
    authorization: at.ada,
    body: {
      invites: [
        { email: 'grace@acme.test', role: 'USER' },
        { email: 'linus@acme.test', role: 'USER' },
      ],
    },
  })
  expect(invited.status).toBe(201)
  const links = z.array(z.object({ link: z.string() })).parse(invited.body)
  const hashes = links.map(
    ({ link }) =>
      link
        .split('/')
        .filter((part) => part !== '')
        .at(-1) ?? '',
  )
  at.grace = await signUp(first, 'Grace', hashes[0])
  at.linus = await signUp(first, 'Linus', hashes[1])
  for (const [who, hash] of [
    [at.grace, hashes[0]],
    [at.linus, hashes[1]],
  ] as const) {
    const { results } = z.object({ results: z.array(z.unknown()) }).parse(await ask(first, who, 'GET /api/v1/organisations/'))
    if (results.length === 0) await ask(first, who, `POST /api/v1/users/join/${hash}/`, {})
  }
  const me = async (who: string) => made.parse(await ask(first, who, 'GET /api/v1/auth/users/me/')).id
  // Grace decides about features and what they are in production; Linus may look at staging.
  const [grace, linus] = [await me(at.grace), await me(at.linus)]
  const grant = (where: string, user: number, permissions: string[]) =>
    make(first, at.ada, `POST /api/v1/${where}/user-permissions/`, { user, permissions })
  await grant(`projects/${at.project}`, grace, ['VIEW_PROJECT', 'CREATE_FEATURE', 'MANAGE_SEGMENTS'])
  await grant(`environments/${at.production}`, grace, [
    'VIEW_ENVIRONMENT',
    'UPDATE_FEATURE_STATE',
    'MANAGE_SEGMENT_OVERRIDES',
    'VIEW_IDENTITIES',
    'MANAGE_IDENTITIES',
  ])
  await grant(`projects/${at.project}`, linus, ['VIEW_PROJECT'])
  await grant(`environments/${at.staging}`, linus, ['VIEW_ENVIRONMENT'])
})

test('everybody can do what they may, and nothing else', async () => {
  const status = async (who: string, request: string, body?: unknown) => {
    const [method = '', path = ''] = request.split(' ')
    return (await first.send(method, path, { authorization: who, ...(body !== undefined && { body }) })).status
  }
  const features = `POST /api/v1/projects/${at.project}/features/`
  expect(await status(at.linus, features, { name: 'mine' })).toBe(403)
  expect(await status(at.linus, `GET /api/v1/environments/${at.production}/`)).toBe(404)
  expect(await status(at.linus, `GET /api/v1/environments/${at.staging}/featurestates/`)).toBe(200)
  expect(await status(at.grace, `DELETE /api/v1/environments/${at.production}/`)).toBe(403)
  at.checkout = (
    await make(first, at.ada, features, {
      name: 'checkout',
      initial_value: 'classic',
      multivariate_options: [
        { string_value: 'express', key: 'express', default_percentage_allocation: 25 },
        { string_value: 'one-page', key: 'one_page', default_percentage_allocation: 25 },
      ],
    })
  ).id
  await make(first, at.grace, features, { name: 'banner', default_enabled: true, initial_value: 'Welcome' })
})

test('a rollout to a segment is scheduled, and goes live by itself', async () => {
  const rules = [
    {
      type: 'ALL',
      conditions: [],
      rules: [
        { type: 'ANY', rules: [], conditions: [{ operator: 'EQUAL', property: 'plan', value: 'gold' }] },
        { type: 'ANY', rules: [], conditions: [{ operator: 'PERCENTAGE_SPLIT', property: '', value: '50' }] },
      ],
    },
  ]
  at.gold = (await make(first, at.grace, `POST /api/v1/projects/${at.project}/segments/`, { name: 'half of gold', rules })).id
  await ask(first, at.grace, `POST /api/v1/environments/${at.productionId}/features/${at.checkout}/scheduled-changes/`, {
    live_from: new Date(Date.now() + 3000).toISOString(),
    description: 'The new checkout for half of our best customers',
    environment_default: { enabled: true },
    segment_overrides: [
      {
        feature_segment: { segment: at.gold },
        enabled: true,
        feature_state_value: { type: 'unicode', string_value: 'gold checkout' },
      },
    ],
  })
  const anybody = { identifier: 'anybody' }
  expect(await flagOf(first, at.production, anybody)).toEqual([['checkout', false, expect.any(String)]])
  await vi.waitFor(
    async () => expect(await flagOf(first, at.production, anybody)).toEqual([['checkout', true, expect.any(String)]]),
    30_000,
  )
})

test('one identity gets something of its own', async () => {
  const identity = await make(first, at.grace, `POST /api/v1/environments/${at.production}/identities/`, { identifier: 'vip' })
  await ask(first, at.grace, `POST /api/v1/environments/${at.production}/identities/${identity.id}/featurestates/`, {
    feature: at.checkout,
    enabled: true,
    feature_state_value: 'by hand',
  })
  expect(await flagOf(first, at.production, { identifier: 'vip' })).toEqual([['checkout', true, 'by hand']])
})

test('what was deleted by mistake is restored with all that hung on it', async () => {
  const before = await flagOf(first, at.production, { identifier: 'vip' })
  await ask(first, at.ada, `DELETE /api/v1/projects/${at.project}/features/${at.checkout}/`)
  expect(await flagOf(first, at.production, { identifier: 'vip' })).toEqual([])
  await ask(first, at.ada, `POST /api/v1/projects/${at.project}/deleted/features/${at.checkout}/restore/`, {})
  expect(await flagOf(first, at.production, { identifier: 'vip' })).toEqual(before)
})

test('exported into a second installation, it gives a thousand identities the same flags', async () => {
  const identities = Array.from({ length: 1000 }, (_, index) => ({
    identifier: `customer-${index}`,
    traits: [{ trait_key: 'plan', trait_value: index % 2 === 0 ? 'gold' : 'free' }],
  }))
  const everybody = [...identities, { identifier: 'vip' }]
  const seenBy = async (server: TestServer) => {
    const seen: unknown[] = []
    for (let start = 0; start < everybody.length; start += 20)
      seen.push(...(await Promise.all(everybody.slice(start, start + 20).map((identity) => flagOf(server, at.production, identity)))))
    return seen
  }
  const before = await seenBy(first)
  const { text } = await first.send('GET', `/api/v1/projects/${at.project}/export/?identities=true`, { authorization: at.ada })

  const eve = await signUp(second, 'Eve')
  const there = await make(second, eve, 'POST /api/v1/organisations/', { name: 'Acme, moved' })
  const report = await ask(second, eve, `POST /api/v1/organisations/${there.id}/import/?dry_run=true`, JSON.parse(text))
  expect(report).toMatchObject({ problems: [], warnings: [] })
  await ask(second, eve, `POST /api/v1/organisations/${there.id}/import/`, JSON.parse(text))
  expect(await seenBy(second)).toEqual(before)
  const kinds = new Set(before.map((flags) => JSON.stringify(flags)))
  // The default, two variants, the segment's value and the one made by hand.
  expect(kinds.size).toBe(5)
})

test('the record says who did what, and is whole', async () => {
  const { results } = z
    .object({ results: z.array(z.object({ log: z.string(), author: z.object({ email: z.string() }).nullable() })) })
    .parse(await ask(first, at.ada, `GET /api/v1/organisations/${at.organisation}/audit/?page_size=999`))
  const authors = new Set(results.map(({ author }) => author?.email ?? 'the system'))
  expect(authors).toEqual(new Set(['ada@acme.test', 'grace@acme.test', 'linus@acme.test', 'the system']))
})
