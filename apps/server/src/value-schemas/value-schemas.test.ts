import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { whyNotSchema, whyValueIsRefused } from '../feature-states/value-schema.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const schema = {
  type: 'object',
  properties: { colour: { type: 'string', pattern: '^#[0-9a-f]{6}$' }, sizes: { type: 'array', items: { type: 'integer' } } },
  required: ['colour'],
  additionalProperties: false,
}
const good = '{"colour": "#ff00aa", "sizes": [1, 2]}'
const bad = '{"colour": "red"}'

async function startFeature(value: string | null = null) {
  const { authorization, project, environment } = await server.makeProject()
  const as = <const Noun extends keyof typeof api>(noun: Noun) => server.as(authorization, api[noun])
  const feature = await as('features').create({ params: { project: project.id }, body: { name: 'theme', initial_value: value } })
  const params = { project: project.id, feature: feature.id }
  return { as, authorization, project, environment, inEnvironment: { environment_key: environment.api_key }, feature, params }
}

test('values are refused with the path that fails, wherever they are written', async () => {
  const { as, params, inEnvironment, feature, project } = await startFeature()
  await as('valueSchemas').replace({ params, body: { schema } })
  expect(await as('valueSchemas').get({ params })).toEqual({ schema })
  const refusal = { status: 400, errors: { feature_state_value: [expect.stringContaining('at /colour: must match pattern')] } }

  const [state] = (await as('featureStates').list({ params: inEnvironment })).results
  const update = (value: string | number | null) =>
    as('featureStates').update({ params: { ...inEnvironment, feature_state: state?.id ?? 0 }, body: { feature_state_value: value } })
  await expect(update(bad)).rejects.toMatchObject(refusal)
  await expect(update('plain text')).rejects.toMatchObject({
    status: 400,
    errors: { feature_state_value: [expect.stringContaining('not JSON')] },
  })
  await expect(update(42)).rejects.toMatchObject({ errors: { feature_state_value: [expect.stringContaining('its root: must be object')] } })
  expect(await update(good)).toMatchObject({ feature_state_value: good })
  expect(await update(null)).toMatchObject({ feature_state_value: null })

  const segment = await as('segments').create({ params: { project: project.id }, body: { name: 'all', rules: [{ type: 'ALL' }] } })
  const override = (value: string) =>
    as('featureSegments').createOverride({
      params: { ...inEnvironment, feature: feature.id },
      body: { feature_segment: { segment: segment.id }, feature_state_value: { string_value: value } },
    })
  await expect(override(bad)).rejects.toMatchObject(refusal)
  await override(good)

  const identity = await as('identities').create({ params: inEnvironment, body: { identifier: 'ada' } })
  const forAda = (value: string) =>
    as('identityOverrides').create({
      params: { ...inEnvironment, identity: identity.id },
      body: { feature: feature.id, enabled: true, feature_state_value: value },
    })
  await expect(forAda(bad)).rejects.toMatchObject(refusal)
  await forAda(good)

  const addVariant = (value: string) => as('variants').create({ params, body: { string_value: value, default_percentage_allocation: 10 } })
  await expect(addVariant(bad)).rejects.toMatchObject({ status: 400, errors: { string_value: [expect.stringContaining('/colour')] } })
  const variant = await addVariant(good)
  await expect(as('variants').update({ params: { ...params, variant: variant.id }, body: { string_value: bad } })).rejects.toMatchObject({
    status: 400,
  })

  await as('valueSchemas').delete({ params })
  expect(await update('anything')).toMatchObject({ feature_state_value: 'anything' })
})

test('a schema that existing values break is refused with where they are, unless that is accepted', async () => {
  const { as, params, project } = await startFeature('plain')
  await as('environments').create({ body: { name: 'Staging', project: project.id } })
  await expect(as('valueSchemas').replace({ params, body: { schema } })).rejects.toMatchObject({
    status: 400,
    errors: {
      schema: [
        expect.stringContaining('In the environment “Production”'),
        expect.stringContaining('In the environment “Staging”'),
        expect.stringContaining('"accept_existing_values": true'),
      ],
    },
  })
  expect(await as('valueSchemas').replace({ params, body: { schema, accept_existing_values: true } })).toEqual({ schema })
})

test.each([
  ['a reference to elsewhere', { $ref: 'https://example.com/schema.json' }, '“$ref” is not supported'],
  ['a reference within', { $defs: { a: true }, properties: { b: { $ref: '#/$defs/a' } } }, '“$ref” is not supported'],
  ['a keyword that nobody knows', { colour: 'red' }, 'unknown keyword'],
  ['a type that nobody knows', { type: 'colour' }, 'schema is invalid'],
  ['a pattern that backtracks', { pattern: '(a)\\1' }, 'not supported'],
  ['a schema that is too long', { description: 'x'.repeat(10_001) }, 'at most 10000 characters'],
  ['too many patterns', { allOf: Array.from({ length: 21 }, (_, index) => ({ pattern: `a${index}` })) }, 'more than 20 patterns'],
])('%s is refused', (_, refused, reason) => {
  expect(whyNotSchema(refused)).toContain(reason)
})

test('a pattern that would stall a backtracking engine does not', () => {
  const reason = whyValueIsRefused({ pattern: '^(a+)+$' }, JSON.stringify(`${'a'.repeat(5000)}!`))
  expect(reason).toContain('must match pattern')
})

test.each([
  [{ uniqueItems: true }, '[{"a":1,"b":2},{"b":2,"a":1}]', false],
  [{ uniqueItems: true }, '[{"a":1},{"a":2}]', true],
  [{ type: 'string', format: 'date' }, '"soon"', false],
  [{ type: 'string', format: 'date' }, '"2026-02-03"', true],
  [{ type: 'integer' }, 42, true],
  [{ type: 'boolean' }, 42, false],
  [{ pattern: 'b+' }, '"abbc"', true],
  [{ patternProperties: { '^x-': { type: 'number' } }, additionalProperties: false }, '{"x-a": 1}', true],
  [{ patternProperties: { '^x-': { type: 'number' } }, additionalProperties: false }, '{"ax-": 1}', false],
  [{ enum: [1] }, '['.repeat(9000) + ']'.repeat(9000), false],
  [false, null, true],
])('%j and %j', (asked, value, isGood) => {
  expect(whyValueIsRefused(asked, value) === undefined).toBe(isGood)
})
