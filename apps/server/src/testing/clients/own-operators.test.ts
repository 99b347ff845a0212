import { api, sdkEndpoints, type WrittenRule } from '@halyard/contract'
import fc from 'fast-check'
import { Flagsmith } from 'flagsmith-nodejs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestProject, type TestServer } from '../start-server.ts'
import { quiet } from '../test-database.ts'
import { createFeature, createOverride, createSegment } from './populated-project.ts'
import { identify } from './sdk-requests.ts'

// Operators that official SDKs do not know: remote evaluation uses them as they are, local evaluation what is exported of them.

type Condition = NonNullable<WrittenRule['conditions']>[number]

const anyOf = (...conditions: Condition[]): WrittenRule[] => [{ type: 'ALL', rules: [{ type: 'ANY', conditions }] }]
const noneOf = (...conditions: Condition[]): WrittenRule[] => [{ type: 'ALL', rules: [{ type: 'NONE', conditions }] }]
const at = { property: 'email', operator: 'ENDS_WITH', value: '@acme.test' } as const
const joined = (operator: 'DATE_BEFORE' | 'DATE_AFTER', value: string) => ({ property: 'joined', operator, value })

const exported: Record<string, WrittenRule[]> = {
  colleagues: anyOf(at),
  strangers: noneOf(at),
  operators: anyOf({ property: 'email', operator: 'STARTS_WITH', value: 'o.p+[' }),
  named: anyOf({ property: '$.identity.identifier', operator: 'STARTS_WITH', value: 'visitor 1' }),
  germans: anyOf({ property: 'phone', operator: 'STARTS_WITH', value: '+49' }),
  cafes: anyOf({ property: 'place', operator: 'CONTAINS_IGNORE_CASE', value: 'CAFÉ' }),
  mixed: noneOf({ property: 'place', operator: 'CONTAINS_IGNORE_CASE', value: 'bar' }, { property: 'phone', operator: 'IS_SET' }),
}
const leftOut: Record<string, WrittenRule[]> = {
  newcomers: anyOf(joined('DATE_AFTER', '2026-06-30T12:00:00+02:00')),
  veterans: noneOf(joined('DATE_AFTER', '2026-01-01')),
  saxons: anyOf({ property: 'postcode', operator: 'STARTS_WITH', value: '01' }),
}

const visitors = fc.sample(
  fc.record(
    {
      email: fc.constantFrom('ada@acme.test', 'ada@acme.test.example', 'o.p+[x]@acme.test', 'oxp+[', 'ada@ACME.test'),
      phone: fc.constantFrom('+49123', '+48123', '0049', 49),
      place: fc.constantFrom('Le Café', 'LE CAFÉ', 'le cafe', 'Bar', 'a\nbar', ''),
      joined: fc.constantFrom('2025-12-31', '2026-06-30T10:00:00Z', '2026-06-30T10:00:00.001Z', '2026-07-01', 'soon', 20_260_701),
      postcode: fc.constantFrom('01067', '10115', 1067),
    },
    { requiredKeys: [] },
  ),
  { seed: 20_261_122, numRuns: 300 },
)

let server: TestServer
let project: TestProject
beforeAll(async () => {
  server = await startServer()
  project = await server.makeProject()
  for (const [name, rules] of Object.entries({ ...exported, ...leftOut })) {
    const feature = await createFeature(server, project, { name })
    const segment = await createSegment(server, project, { name, rules })
    await createOverride(server, project, feature.id, { feature_segment: { segment }, enabled: true })
  }
})
afterAll(() => server.close())

test('flagsmith-nodejs evaluating locally agrees with the server, except for what is left out', async () => {
  const flagsmith = new Flagsmith({
    environmentKey: project.serverKey,
    apiUrl: `${server.url}/api/v1/`,
    enableLocalEvaluation: true,
    logger: quiet,
  })
  const seen = new Set<string>()
  try {
    for (const [number, told] of visitors.entries()) {
      const traits = Object.entries(told).map(([trait_key, trait_value]) => ({ trait_key, trait_value, transient: true }))
      const { flags } = await identify(server, project.serverKey, { identifier: `visitor ${number}`, traits, transient: true })
      const local = await flagsmith.getIdentityFlags(`visitor ${number}`, told)
      for (const name of Object.keys(exported))
        expect([told, name, local.isFeatureEnabled(name)]).toEqual([told, name, flags[name]?.enabled])
      for (const name of Object.keys(leftOut)) expect(local.isFeatureEnabled(name)).toBe(false)
      for (const [name, { enabled }] of Object.entries(flags)) seen.add(`${name} ${enabled}`)
    }
  } finally {
    await flagsmith.close()
  }
  // Each was on for some and off for others.
  expect(seen.size).toBe(2 * Object.keys({ ...exported, ...leftOut }).length)
})

test('the documents hold only what official SDKs know, and the API says which segments they lack', async () => {
  const sdk = await server.send('GET', '/api/v1/environment-document/', { headers: { 'x-environment-key': project.serverKey } })
  const params = { environment_key: project.environment.api_key }
  const admin = await server.as(project.authorization, api.environmentDocument).get({ params })
  for (const body of [sdk.body, admin]) {
    const { segments } = sdkEndpoints.environmentDocument.reply.parse(body).project
    expect(segments.map(({ name }) => name)).toEqual(Object.keys(exported))
    const operators = [...JSON.stringify(segments).matchAll(/"operator":"(\w+)"/g)].map(([, operator]) => operator)
    expect(new Set(operators)).toEqual(new Set(['REGEX', 'IS_SET']))
  }
  const { results } = await server.as(project.authorization, api.segments).list({ params: { project: project.project.id }, query: {} })
  const lacking = results.filter(({ local_evaluation: { is_exported: isExported } }) => !isExported)
  expect(lacking.map(({ name, local_evaluation: { reason } }) => [name, reason])).toEqual([
    ['newcomers', 'DATE_AFTER: official SDKs cannot compare dates'],
    ['veterans', 'DATE_AFTER: official SDKs cannot compare dates'],
    ['saxons', expect.stringContaining('STARTS_WITH: official SDKs would also find this in numbers')],
  ])
})
