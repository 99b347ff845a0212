import { api, type Endpoint } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyEndpoint, isRead, send, type Listed, type Request } from './matrix/endpoints.ts'
import { makeTenant, nameOf, type Fixture } from './matrix/fixture.ts'
import { makeFeature, makePlace, makeSegment, makeVariant } from './matrix/makers.ts'
import { recording } from './matrix/recorded.ts'
import { startServer, type Answer, type TestServer } from './start-server.ts'

let server: TestServer
let home: Fixture
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
})
afterAll(() => server.close())

const many = 200
const atOnce = <T>(count: number, request: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => request(index)))

/** A server that is asked for more at once than its connections bear says 503, and that nothing was changed: clients ask again. */
async function insist(...request: Parameters<typeof send>): Promise<Answer> {
  const answer = await send(...request)
  return answer.status === 503 ? insist(...request) : answer
}

/** How many answers there were of each status. */
function tally(answers: readonly Pick<Answer, 'status'>[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

// Setting up works once per installation, and only mails and issuers hold what the others need: their nouns' own tests.
const triedElsewhere: readonly Endpoint[] = [
  api.users.setUp,
  api.passwords.requestReset,
  api.passwords.confirmReset,
  api.trustRelationships.exchange,
]
const writes = everyEndpoint.filter(({ endpoint }) => !isRead(endpoint) && !triedElsewhere.includes(endpoint))

describe('the same request, twenty times at once', () => {
  test.each(writes)('$name is done or refused, each time', async (listed) => {
    const isWhole = listed.endpoint.records?.some((type) => type === 'organisation.updated' || type === 'organisation.deleted')
    const at = isWhole ? await makeTenant(server) : home
    const request = await listed.example(at)
    const { answered, recorded } = await recording(server, () =>
      atOnce(8, () => insist(at, listed, request, request.authorization ?? at.authorization)),
    )
    const done = answered.filter(({ status }) => status === (listed.endpoint.status ?? 200))
    expect(done).not.toEqual([])
    expect(answered.filter(({ status }) => status >= 500).map(({ text }) => text)).toEqual([])
    // Nothing is recorded of what was refused, and nothing is done twice in one's name.
    expect(new Set(recorded.map(({ id }) => id)).size).toBe(recorded.length)
    const made = recorded.filter(({ type }) => type.endsWith('.created') && listed.endpoint.records?.length === 1)
    if (made.length > 0) expect(made.length % done.length).toBe(0)
  })
})

interface Unique {
  readonly what: string
  readonly endpoint: Endpoint
  readonly request: (at: Fixture) => Promise<Request>
}

const inProject = (at: Fixture) => ({ project: at.project.id })
const inOrganisation = (at: Fixture) => ({ organisation: at.organisation.id })

const unique: readonly Unique[] = [
  {
    what: 'project of a name',
    endpoint: api.projects.create,
    request: async (at) => ({ body: { name: nameOf(at, 'race'), organisation: at.organisation.id } }),
  },
  {
    what: 'environment of a name',
    endpoint: api.environments.create,
    request: async (at) => ({ body: { name: nameOf(at, 'race'), project: at.project.id } }),
  },
  {
    what: 'feature of a name',
    endpoint: api.features.create,
    request: async (at) => ({ params: inProject(at), body: { name: nameOf(at, 'race') } }),
  },
  {
    what: 'variant of a key',
    endpoint: api.variants.create,
    request: async (at) => ({
      params: { ...inProject(at), feature: (await makeFeature(at)).id },
      body: { string_value: 'red', key: 'red', default_percentage_allocation: 0 },
    }),
  },
  {
    what: 'place of a segment among the overrides of a feature',
    endpoint: api.featureSegments.create,
    request: async (at) => ({
      body: { environment: at.environment.id, feature: (await makeFeature(at)).id, segment: (await makeSegment(at)).id },
    }),
  },
  {
    what: 'override of a feature for a segment',
    endpoint: api.featureSegments.createOverride,
    request: async (at) => ({
      params: { environment_key: at.environment.api_key, feature: (await makeFeature(at)).id },
      body: { feature_segment: { segment: (await makeSegment(at)).id }, enabled: true },
    }),
  },
  {
    what: 'identity of an identifier',
    endpoint: api.identities.create,
    request: async (at) => ({ params: { environment_key: at.environment.api_key }, body: { identifier: nameOf(at, 'race') } }),
  },
  {
    what: 'group of an external id',
    endpoint: api.groups.create,
    request: async (at) => ({ params: inOrganisation(at), body: { name: 'race', external_id: nameOf(at, 'race') } }),
  },
]

describe(`of ${many} at once`, () => {
  test.each(unique)('one makes the $what, and the others are told why not', async ({ endpoint, request: makeRequest }) => {
    const listed = listedOf(endpoint)
    const request = await makeRequest(home)
    const { answered, recorded } = await recording(server, () => atOnce(many, () => insist(home, listed, request, home.authorization)))
    const refused = answered.filter(({ status }) => status !== endpoint.status)
    expect(tally(answered)).toEqual({ 201: 1, [refused[0]?.status ?? 0]: many - 1 })
    expect(refused[0]?.status).toBeOneOf([400, 409])
    for (const { text } of refused) expect(text).not.toContain('same name or key')
    const types = new Set<string>(endpoint.records)
    expect(recorded.filter(({ type }) => types.has(type)).length).toBe(recorded.length)
    expect(recorded.length).toBeLessThanOrEqual(types.size)
  })

  test('variants are added as far as their weights leave room: 100 in the end, never more', async () => {
    const feature = await makeFeature(home)
    const params = { ...inProject(home), feature: feature.id }
    const add = (index: number) =>
      insist(
        home,
        listedOf(api.variants.create),
        { params, body: { string_value: `${index}`, default_percentage_allocation: 10 } },
        home.authorization,
      )
    expect(tally(await atOnce(many, add))).toEqual({ 201: 10, 400: many - 10 })
    const variants = await server.as(home.authorization, api.variants).list({ params })
    expect(variants.results.map((variant) => variant.default_percentage_allocation)).toEqual(Array.from({ length: 10 }, () => 10))
  })

  test('weights that are changed never come to more than 100', async () => {
    const { id, feature } = await makeVariant(home)
    const params = { ...inProject(home), feature }
    const other = await server
      .as(home.authorization, api.variants)
      .create({ params, body: { string_value: 'other', default_percentage_allocation: 20 } })
    const grow = (index: number) =>
      insist(
        home,
        listedOf(api.variants.update),
        { params: { ...params, variant: index % 2 === 0 ? id : other.id }, body: { default_percentage_allocation: 60 + (index % 7) } },
        home.authorization,
      )
    const answers = await atOnce(many, grow)
    expect(Object.keys(tally(answers))).toEqual(['200', '400'])
    const { results } = await server.as(home.authorization, api.variants).list({ params })
    expect(results.reduce((sum, variant) => sum + variant.default_percentage_allocation, 0)).toBeLessThanOrEqual(100)
  })

  test('overrides that are added, moved and removed keep priorities without gaps', async () => {
    const feature = await makeFeature(home)
    const kept = await Promise.all(Array.from({ length: 6 }, () => makePlace(home, feature)))
    const removed = await Promise.all(Array.from({ length: 6 }, () => makePlace(home, feature)))
    const segments = await Promise.all(Array.from({ length: 12 }, () => makeSegment(home)))
    const places = server.as(home.authorization, api.featureSegments)
    const requests: (() => Promise<Answer>)[] = [
      ...removed.map(
        ({ id }) =>
          () =>
            as(api.featureSegments.delete, { params: { feature_segment: id } }),
      ),
      ...segments.map(
        ({ id }) =>
          () =>
            as(api.featureSegments.create, { body: { environment: home.environment.id, feature: feature.id, segment: id, priority: 0 } }),
      ),
      ...Array.from(
        { length: many - 18 },
        (_, index) => () =>
          as(api.featureSegments.updatePriorities, { body: kept.map(({ id }, place) => ({ id, priority: (place + index) % 6 })) }),
      ),
    ]
    const answers = await Promise.all(requests.map((request) => request()))
    expect(answers.filter(({ status }) => status >= 500)).toEqual([])
    const { results } = await places.list({ query: { environment: home.environment.id, feature: feature.id, page_size: 100 } })
    expect(results).toHaveLength(18)
    expect(results.map(({ priority }) => priority).toSorted((one, other) => one - other)).toEqual(results.map((_, index) => index))
  })

  test('changes of one feature state leave one after the other, each recorded with what was before it', async () => {
    const feature = await makeFeature(home)
    const { results } = await server
      .as(home.authorization, api.featureStates)
      .list({ params: { environment_key: home.environment.api_key }, query: { feature: feature.id } })
    const params = { environment_key: home.environment.api_key, feature_state: results[0]?.id ?? 0 }
    const { answered, recorded } = await recording(server, () =>
      atOnce(many, (index) => as(api.featureStates.update, { params, body: { feature_state_value: `value ${index}` } })),
    )
    expect(tally(answered)).toEqual({ 200: many })
    expect(recorded).toHaveLength(many)
    for (const [index, { before }] of recorded.slice(1).entries()) expect(before).toEqual(recorded[index]?.after)
  })
})

const as = (endpoint: Endpoint, request: Request) => insist(home, listedOf(endpoint), request, home.authorization)

function listedOf(endpoint: Endpoint): Listed {
  const listed = everyEndpoint.find((each) => each.endpoint === endpoint)
  if (!listed) throw new Error(`${endpoint.method} ${endpoint.path} is not listed.`)
  return listed
}
