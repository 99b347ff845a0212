import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

/** `beta` is on for the segment “Gold”, and Ada is in it by what is stored of her. */
async function startExplaining() {
  const { authorization, project, environment, serverKey } = await server.makeProject()
  const params = { environment_key: environment.api_key }
  const beta = await server.as(authorization, api.features).create({ params: { project: project.id }, body: { name: 'beta' } })
  const gold = await server.as(authorization, api.segments).create({
    params: { project: project.id },
    body: { name: 'Gold', rules: [{ type: 'ALL', conditions: [{ property: 'plan', operator: 'EQUAL', value: 'gold' }] }] },
  })
  await server.as(authorization, api.featureSegments).createOverride({
    params: { ...params, feature: beta.id },
    body: { feature_segment: { segment: gold.id }, enabled: true },
  })
  const identify = (key: string, path = '') =>
    server.send('POST', `/api/v1/identities/${path}`, {
      headers: { 'x-environment-key': key },
      body: { identifier: 'ada', traits: [{ trait_key: 'plan', trait_value: 'gold' }] },
    })
  await identify(environment.api_key)
  const explain = (body: object) => server.as(authorization, api.explanations).explain({ params, body })
  const path = `/api/v1/environments/${environment.api_key}/explain/`
  return { authorization, environment, serverKey, gold, explain, identify, path }
}

test('an identity is explained by what is stored of it, and what the request brings counts over that', async () => {
  const { explain, gold } = await startExplaining()
  const stored = await explain({ identifier: 'ada' })
  expect(stored).toMatchObject({
    identity: { identifier: 'ada' },
    traits: { plan: 'gold' },
    flags: [
      {
        flag: { name: 'beta', enabled: true, reason: 'TARGETING_MATCH; segment=Gold' },
        candidates: [
          { source: 'segment', segmentKey: String(gold.id), segmentName: 'Gold', outcome: 'won' },
          { source: 'environment', outcome: 'overridden' },
        ],
      },
    ],
    segments: [
      {
        name: 'Gold',
        matched: true,
        rules: [{ conditions: [{ property: 'plan', expected: 'gold', actual: { value: 'gold' }, passed: true }] }],
      },
    ],
  })
  for (const asked of [
    { identifier: 'ada', traits: { plan: 'silver' } },
    { identifier: 'ada', traits: { plan: null } },
    { identifier: 'ada', transient: true },
  ]) {
    expect(await explain(asked)).toMatchObject({ flags: [{ flag: { enabled: false } }], segments: [{ matched: false }] })
  }
})

test('traits alone are explained, and nobody is made by asking', async () => {
  const { explain, authorization, environment } = await startExplaining()
  expect(await explain({ traits: { plan: 'gold' }, feature: 'beta' })).toMatchObject({
    identity: { identifier: null },
    flags: [{ flag: { enabled: true } }],
  })
  expect(await explain({ identifier: 'bob', traits: { plan: 'gold' } })).toMatchObject({ flags: [{ flag: { enabled: true } }] })
  const { results } = await server.as(authorization, api.identities).list({ params: { environment_key: environment.api_key } })
  expect(results.map(({ identifier }) => identifier)).toEqual(['ada'])
})

test('hostile traits are traits like any other, and a feature that is not there is said', async () => {
  const { explain, authorization, path } = await startExplaining()
  const body = '{"traits":{"__proto__":"gold","constructor":"gold"}}'
  expect(await server.send('POST', path, { authorization, body })).toMatchObject({
    status: 200,
    body: { flags: [{ flag: { enabled: false } }], segments: [{ matched: false }] },
  })
  await expect(explain({ feature: 'gamma' })).rejects.toMatchObject({
    status: 400,
    errors: { feature: [expect.stringContaining('gamma')] },
  })
  expect(await server.send('POST', path, { authorization, body: { traits: { plan: { a: 1 } } } })).toMatchObject({ status: 400 })
  expect(await server.send('POST', path, { authorization, body: { plan: 'gold' } })).toMatchObject({ status: 400 })
})

test('server-side keys are told the reason of a flag, and client-side keys are not', async () => {
  const { environment, serverKey, identify } = await startExplaining()
  expect((await identify(serverKey)).body).toMatchObject({ flags: [{ enabled: true, reason: 'TARGETING_MATCH; segment=Gold' }] })
  const { text } = await identify(environment.api_key)
  expect(text).not.toMatch(/reason|Gold/)
})
