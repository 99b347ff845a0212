import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type Answer, type TestServer } from '../start-server.ts'
import { populateProject, type PopulatedProject } from './populated-project.ts'

let server: TestServer
let project: PopulatedProject
let headers: Record<string, string>
beforeAll(async () => {
  server = await startServer()
  project = await populateProject(server)
  headers = { 'x-environment-key': project.serverKey, 'x-api-key': project.serverKey }
})
afterAll(() => server.close())

// Any units of UTF-16: halves of surrogate pairs and NUL are among them.
const anyText = fc.array(fc.integer({ max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units))
const text = fc.oneof(
  anyText,
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('', ' ', '__proto__', 'constructor', 'ada', 'banner', '1', 'true', 'x'.repeat(2001)),
)
const fieldNames =
  'identifier traits trait_key trait_value transient identity increment_by events event timestamp metadata evaluations feature_name ' +
  'enabled_when_evaluated count context targetingKey plan name rules type conditions operator property value enabled tags key ' +
  'feature_state_value multivariate_options multivariate_feature_state_values feature_segment segment priority'
const fields = fc.constantFrom(...fieldNames.split(' '))
const words = fc.constantFrom(
  'ALL',
  'ANY',
  'NONE',
  'EQUAL',
  'IN',
  'REGEX',
  'PERCENTAGE_SPLIT',
  'MODULO',
  'MULTIVARIATE',
  'unicode',
  '$flag_exposure',
  '(a+)+$',
  '2|0',
  '1.0.0:semver',
)

/** JSON that knows the fields of our endpoints, but neither where they belong nor what is in them. */
const { tree } = fc.letrec((tie) => ({
  leaf: fc.oneof(text, words, fc.integer(), fc.double({ noNaN: true }), fc.maxSafeInteger(), fc.boolean(), fc.constant(null)),
  tree: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.oneof({ weight: 4, arbitrary: fields }, text), tie('tree'), { maxKeys: 6 }),
  ),
}))

const body = fc.oneof(
  { weight: 8, arbitrary: tree.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: tree.map((value) => JSON.stringify(value).slice(0, -1)) },
  { weight: 1, arbitrary: anyText },
)

const plain = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
const mostly = <Likely, Odd>(likely: fc.Arbitrary<Likely>, odd: fc.Arbitrary<Odd>) =>
  fc.oneof({ weight: 15, arbitrary: likely }, { weight: 1, arbitrary: odd })

/** Nearly what the endpoint takes. */
const trait = fc.record({
  trait_key: mostly(plain, text),
  trait_value: mostly(fc.oneof(plain, fc.integer(), fc.boolean()), tree),
  transient: mostly(fc.boolean(), tree),
})
const identity = fc.record({
  identifier: mostly(plain, tree),
  traits: fc.array(trait, { maxLength: 4 }),
  transient: mostly(fc.boolean(), tree),
})
const context = fc.record({ context: fc.dictionary(fc.oneof(fields, text), tree) })
const query = fc.array(fc.tuple(fc.oneof(fields, fc.constantFrom('feature', 'mode', 'json', 'strict', 'flagConfigEtag'), text), text), {
  maxLength: 4,
})

const encoded = (value: string) => encodeURIComponent(value.toWellFormed())

/** Answered as documented, with JSON, and never as our own failure; what is refused leaves everything as it was. */
async function check(before: string, answer: Answer, documented: readonly number[]): Promise<void> {
  expect(documented).toContain(answer.status)
  if (answer.text !== '') {
    expect(answer.headers.get('content-type')).toContain('application/json')
    expect(answer.body).toEqual(expect.any(Object))
  }
  if (answer.status >= 400) expect(await stored()).toBe(before)
}

/** Everything that requests can change, as one text. */
async function stored(): Promise<string> {
  const { rows } = await server.control.pool.query(`
    select (select max(id) from changes where actor_kind <> 'system') as changes, (select count(*) from sdk_events) as events,
           (select md5(string_agg(identifier || traits::text, ' ' order by identifier)) from identities) as identities`)
  return JSON.stringify(rows)
}

describe('SDK endpoints', () => {
  const runs = { numRuns: 150 }

  test('any body is answered as documented', async () => {
    const endpoint = fc.constantFrom(
      ['POST', '/api/v1/identities/'],
      ['POST', '/api/v1/traits/'],
      ['PUT', '/api/v1/traits/bulk/'],
      ['POST', '/api/v1/traits/increment-value/'],
      ['POST', '/api/v1/identities/ada/traits/plan'],
      ['POST', '/api/v1/analytics/flags/'],
      ['POST', '/api/v2/analytics/flags/'],
      ['POST', '/api/v1/analytics/telemetry/'],
      ['POST', '/v1/events'],
      ['POST', '/ofrep/v1/evaluate/flags'],
      ['POST', '/ofrep/v1/evaluate/flags/banner'],
    )
    await fc.assert(
      fc.asyncProperty(endpoint, body, async ([method = '', path = ''], written) => {
        const before = await stored()
        await check(before, await server.send(method, path, { headers, body: written }), [200, 201, 202, 204, 400])
      }),
      { numRuns: 300 },
    )
  })

  test('any identity is answered as documented', async () => {
    await fc.assert(
      fc.asyncProperty(identity, async (written) => {
        const before = await stored()
        await check(before, await server.send('POST', '/api/v1/identities/', { headers, body: written }), [200, 400])
      }),
      runs,
    )
  })

  test('any context is answered as documented, and leaves everything as it was', async () => {
    await fc.assert(
      fc.asyncProperty(context, text, query, async (written, flag, parameters) => {
        const before = await stored()
        const asked = parameters.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')
        for (const path of [`/ofrep/v1/evaluate/flags?${asked}`, `/ofrep/v1/evaluate/flags/${encoded(flag) || 'banner'}?${asked}`]) {
          const answer = await server.send('POST', path, { headers, body: written })
          await check(before, answer, [200, 400, 404])
          expect(await stored()).toBe(before)
        }
      }),
      runs,
    )
  })

  test('any query and any part of a path is answered as documented', async () => {
    const path = fc.constantFrom('/api/v1/flags/', '/api/v1/identities/', '/api/v1/environment-document/')
    await fc.assert(
      fc.asyncProperty(path, text, fc.boolean(), query, async (base, part, isInPath, parameters) => {
        const before = await stored()
        const asked = parameters.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')
        // Dots are steps to clients, which then ask for something else.
        const address = isInPath && !/^\.{1,2}$/.test(part) ? `${base}${encoded(part)}?${asked}` : `${base}?${asked}`
        await check(before, await server.send('GET', address, { headers }), [200, 400, 404])
      }),
      runs,
    )
  })
})

test('any body is answered by administration as documented', async () => {
  const { authorization } = project
  const { id: projectId } = project.project
  const environmentKey = project.environment.api_key
  const endpoint = fc.constantFrom(
    ['POST', `/api/v1/projects/${projectId}/features/`],
    ['PATCH', `/api/v1/projects/${projectId}/features/${project.features.theme}/`],
    ['POST', `/api/v1/projects/${projectId}/segments/`],
    ['PATCH', `/api/v1/projects/${projectId}/segments/${project.segments.staff}/`],
    ['POST', `/api/v1/projects/${projectId}/features/${project.features.checkout}/mv-options/`],
    ['POST', `/api/v1/environments/${environmentKey}/features/${project.features.theme}/create-segment-override/`],
    ['POST', `/api/v1/environments/${environmentKey}/identities/`],
    ['PATCH', `/api/v1/environments/${environmentKey}/`],
    ['POST', '/api/v1/features/feature-segments/update-priorities/'],
  )
  const segment = fc.record({
    name: text,
    rules: fc.array(
      fc.record(
        {
          type: words,
          conditions: fc.array(fc.record({ operator: words, property: text, value: tree }, { requiredKeys: [] })),
          rules: fc.array(tree, { maxLength: 2 }),
        },
        { requiredKeys: [] },
      ),
      { maxLength: 3 },
    ),
  })
  await fc.assert(
    fc.asyncProperty(
      endpoint,
      fc.oneof(
        body,
        segment.map((value) => JSON.stringify(value)),
      ),
      async ([method = '', path = ''], written) => {
        const before = await stored()
        await check(before, await server.send(method, path, { authorization, body: written }), [200, 201, 400, 404])
      },
    ),
    { numRuns: 250 },
  )
})

test('and after all this flags are served as before', async () => {
  const answer = await server.send('POST', '/api/v1/identities/', { headers, body: { identifier: 'vip', transient: true } })
  expect(answer.status).toBe(200)
  expect(answer.text).toContain('"Welcome back"')
})
