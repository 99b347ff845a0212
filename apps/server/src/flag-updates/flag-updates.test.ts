import { api } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const text = (value: string) => ({ type: 'string' as const, value })
const number = (value: string) => ({ type: 'integer' as const, value })

async function start({ throughVersions = false } = {}) {
  const made = await server.makeProject()
  const { authorization, environment } = made
  const as = <const Noun extends keyof typeof api>(noun: Noun) => server.as(authorization, api[noun])
  const inProject = { project: made.project.id }
  const byKey = { environment_key: environment.api_key }
  const feature = await as('features').create({ params: inProject, body: { name: 'Checkout', initial_value: 'one' } })
  if (throughVersions) await as('versioning').enable({ params: byKey })
  const makeSegment = async (name: string) =>
    (await as('segments').create({ params: inProject, body: { name, rules: [{ type: 'ALL' }] } })).id
  const makeVariant = async (string_value: string) =>
    (
      await as('variants').create({
        params: { ...inProject, feature: feature.id },
        body: { string_value, default_percentage_allocation: 0 },
      })
    ).id
  const countVersions = async () =>
    (await as('featureVersions').list({ params: { environment: environment.id, feature: feature.id } })).count
  const params = { ...byKey, feature: feature.id }
  const sendTo = (method: string, body: unknown, of = authorization) =>
    server.send(method, `/api/__future__/environments/${environment.api_key}/features/${feature.id}/`, { authorization: of, body })
  return { ...made, as, inProject, byKey, feature, makeSegment, makeVariant, countVersions, params, sendTo, whole: as('wholeFlags') }
}

describe.each([{ throughVersions: false }, { throughVersions: true }])('with versions: $throughVersions', (kind) => {
  test('a default and a segment override are set one by one, the feature named in any case', async () => {
    const { as, byKey, params, makeSegment, whole, feature } = await start(kind)
    const [staff, crew] = [await makeSegment('Staff'), await makeSegment('Crew')]
    const { updateOne } = as('flagUpdates')
    await updateOne({ params: byKey, body: { feature: { name: 'checkout' }, enabled: true, value: number('42') } })
    const value = { type: 'boolean', value: 'True' } as const
    await updateOne({ params: byKey, body: { feature: { id: feature.id }, segment: { id: staff }, enabled: true, value } })
    const first = { id: crew, priority: 0 }
    await updateOne({ params: byKey, body: { feature: { id: feature.id }, segment: first, enabled: false, value: text('') } })
    expect(await whole.get({ params })).toEqual({
      environment_default: { enabled: true, value: number('42'), variants: [] },
      segment_overrides: [
        { segment: { id: crew }, priority: 0, enabled: false, value: text(''), variants: [] },
        { segment: { id: staff }, priority: 1, enabled: true, value: { type: 'boolean', value: 'true' }, variants: [] },
      ],
    })
  })

  test('a default and several overrides are set in one edit, weights included', async () => {
    const { as, byKey, params, makeSegment, makeVariant, whole, countVersions } = await start(kind)
    const [staff, crew, red] = [await makeSegment('Staff'), await makeSegment('Crew'), await makeVariant('red')]
    const before = await countVersions()
    const body = {
      feature: { name: 'Checkout' },
      environment_default: { enabled: true, value: text('two') },
      segment_overrides: [
        { segment_id: staff, priority: 2, enabled: true, value: text('staff') },
        {
          segment_id: crew,
          priority: 1,
          enabled: true,
          value: text('crew'),
          multivariate_feature_state_values: [{ multivariate_feature_option: red, percentage_allocation: 30 }],
        },
      ],
    }
    await as('flagUpdates').updateSeveral({ params: byKey, body })
    expect(await whole.get({ params })).toMatchObject({
      environment_default: { enabled: true, value: text('two'), variants: [{ id: red, weight: 0 }] },
      segment_overrides: [
        { segment: { id: crew }, priority: 0, value: text('crew'), variants: [{ id: red, weight: 30 }] },
        { segment: { id: staff }, priority: 1, value: text('staff'), variants: [{ id: red, weight: 0 }] },
      ],
    })
    expect(await countVersions()).toBe(before + 1)
    await as('flagUpdates').updateSeveral({ params: byKey, body })
    expect(await countVersions()).toBe(before + 1)
  })

  test('an override is removed once; then there is none', async () => {
    const { as, byKey, makeSegment, params, whole, authorization, environment } = await start(kind)
    const [staff, crew] = [await makeSegment('Staff'), await makeSegment('Crew')]
    await whole.update({ params, body: { segment_overrides: [{ segment: { id: staff } }, { segment: { id: crew } }] } })
    const body = { feature: { name: 'Checkout' }, segment: { id: staff } }
    await as('flagUpdates').deleteOverride({ params: byKey, body })
    const path = `/api/experiments/environments/${environment.api_key}/delete-segment-override/`
    expect(await server.send('POST', path, { authorization, body })).toMatchObject({ status: 404, body: { detail: 'Not found.' } })
    expect(await whole.deleteOverride({ params: { ...params, segment: crew } })).toMatchObject({ segment_overrides: [] })
    await expect(whole.deleteOverride({ params: { ...params, segment: crew } })).rejects.toMatchObject({ status: 404 })
  })

  test('a patch changes what it has; a new override begins as the default is', async () => {
    const { params, makeSegment, makeVariant, whole } = await start(kind)
    const [staff, crew, red] = [await makeSegment('Staff'), await makeSegment('Crew'), await makeVariant('red')]
    const variants = [{ id: red, weight: 25 }]
    await whole.update({
      params,
      body: { environment_default: { variants }, segment_overrides: [{ segment: { id: staff }, enabled: true }] },
    })
    const body = {
      segment_overrides: [
        { segment: { id: crew }, priority: 9, value: null },
        { segment: { id: staff }, value: number('-7') },
      ],
    }
    expect(await whole.update({ params, body })).toEqual({
      environment_default: { enabled: false, value: text('one'), variants },
      segment_overrides: [
        { segment: { id: staff }, priority: 0, enabled: true, value: number('-7'), variants },
        { segment: { id: crew }, priority: 1, enabled: false, value: null, variants },
      ],
    })
  })

  test('a replacement resets what it leaves out and removes overrides that are not listed', async () => {
    const { params, makeSegment, whole, countVersions } = await start(kind)
    const [staff, crew] = [await makeSegment('Staff'), await makeSegment('Crew')]
    await whole.update({ params, body: { segment_overrides: [{ segment: { id: staff }, enabled: true }, { segment: { id: crew } }] } })
    const replaced = await whole.replace({
      params,
      body: { environment_default: { enabled: true }, segment_overrides: [{ segment: { id: staff }, value: text('crew only') }] },
    })
    expect(replaced).toEqual({
      environment_default: { enabled: true, value: null, variants: [] },
      segment_overrides: [{ segment: { id: staff }, priority: 0, enabled: false, value: text('crew only'), variants: [] }],
    })
    expect(await whole.replace({ params, body: { environment_default: { enabled: true } } })).toEqual(replaced)
    const versions = await countVersions()
    expect(await whole.replace({ params, body: await whole.get({ params }) })).toEqual(replaced)
    expect(await countVersions()).toBe(versions)
  })
})

test('what cannot be written is refused where it is written, and nothing of the rest is done', async () => {
  const { makeSegment, makeVariant, sendTo, whole, params } = await start()
  const [staff, red, blue] = [await makeSegment('Staff'), await makeVariant('red'), await makeVariant('blue')]
  const before = await whole.get({ params })
  const both = [
    { id: red, weight: 60 },
    { id: blue, weight: 30 },
  ]
  const overrides = (...all: object[]) => ({ environment_default: { enabled: true, variants: both }, segment_overrides: all })
  const refused: [string, unknown, unknown][] = [
    [
      'PUT',
      { environment_default: { enabled: true } },
      { environment_default: { variants: [expect.stringContaining(`${red}, ${blue}`)] } },
    ],
    [
      'PATCH',
      { environment_default: { variants: both.slice(1) } },
      { environment_default: { variants: [expect.stringContaining(`missing: ${red}`)] } },
    ],
    [
      'PATCH',
      { environment_default: { variants: [...both, { id: 1, weight: 1 }] } },
      { environment_default: { variants: [expect.any(String)] } },
    ],
    [
      'PATCH',
      { environment_default: { variants: [{ id: red, weight: 71 }, both[1]] } },
      { environment_default: { variants: [expect.stringContaining('more than 100')] } },
    ],
    [
      'PATCH',
      overrides({ segment: { id: staff } }, { segment: { id: 987_654 } }),
      { segment_overrides: [{}, { segment: { id: [expect.stringContaining('987654')] } }] },
    ],
    ['PUT', overrides({ segment: { id: staff }, variants: [] }), { segment_overrides: [{ variants: [expect.any(String)] }] }],
    [
      'PUT',
      overrides({ segment: { id: staff }, priority: 1 }, { segment: { id: 2 }, priority: 1 }),
      { segment_overrides: [expect.stringContaining('same priority')] },
    ],
    ['PUT', overrides({ segment: { id: staff } }, { segment: { id: staff } }), { segment_overrides: [expect.stringContaining('twice')] }],
    [
      'PATCH',
      { environment_default: { value: number('1.5') } },
      { environment_default: { value: { value: ['A valid integer is required.'] } } },
    ],
    [
      'PATCH',
      { environment_default: { value: { type: 'boolean', value: '1' } } },
      { environment_default: { value: { value: [expect.stringContaining('true')] } } },
    ],
  ]
  for (const [method, body, errors] of refused) expect(await sendTo(method, body)).toMatchObject({ status: 400, body: errors })
  expect(await whole.get({ params })).toEqual(before)
})

test('a feature is named by its name or its id, and is of the project', async () => {
  const { as, byKey, feature, authorization, environment } = await start()
  const path = `/api/experiments/environments/${environment.api_key}/update-flag-v1/`
  const answers = async (reference: object) =>
    server.send('POST', path, { authorization, body: { feature: reference, enabled: true, value: text('x') } })
  for (const reference of [{}, { id: feature.id, name: 'Checkout' }])
    expect(await answers(reference)).toMatchObject({ status: 400, body: { feature: { non_field_errors: [expect.any(String)] } } })
  expect(await answers({ name: 'missing' })).toMatchObject({
    status: 400,
    body: { feature: { name: [expect.stringContaining('missing')] } },
  })
  const { feature: foreign } = await start()
  expect(await answers({ id: foreign.id })).toMatchObject({ status: 400, body: { feature: { id: [expect.any(String)] } } })
  expect((await as('featureStates').list({ params: byKey })).results).toMatchObject([{ feature_state_value: 'one' }])
})

test('the default asks for one permission and overrides for another', async () => {
  const { makeSegment, sendTo, as, environment, project, organisation } = await start()
  const staff = await makeSegment('Staff')
  const withPermission = async (...permissions: string[]) => {
    const key = await as('masterApiKeys').create({ params: { organisation: organisation.id }, body: { name: 'Some', is_admin: false } })
    const role = await as('roles').create({ params: { organisation: organisation.id }, body: { name: permissions.join(' ') } })
    const params = { organisation: organisation.id, role: role.id }
    const here = { environment: environment.id, permissions: ['VIEW_ENVIRONMENT', ...permissions] }
    await as('roleProjectPermissions').create({ params, body: { project: project.id, permissions: ['VIEW_PROJECT'] } })
    await as('roleEnvironmentPermissions').create({ params, body: here })
    await as('roleMasterApiKeys').create({ params, body: { master_api_key: key.prefix } })
    return `Api-Key ${key.key}`
  }
  const [updater, manager] = [await withPermission('UPDATE_FEATURE_STATE'), await withPermission('MANAGE_SEGMENT_OVERRIDES')]
  const [ofDefault, ofSegments] = [{ environment_default: { enabled: true } }, { segment_overrides: [{ segment: { id: staff } }] }]
  const statuses = []
  for (const key of [updater, manager])
    for (const body of [ofDefault, ofSegments, { ...ofDefault, ...ofSegments }]) statuses.push((await sendTo('PATCH', body, key)).status)
  expect(statuses).toEqual([200, 403, 403, 403, 200, 403])
  const path = `/api/experiments/environments/${environment.api_key}/update-flag-v1/`
  const override = { feature: { name: 'Checkout' }, segment: { id: staff }, enabled: true, value: text('x') }
  expect(await server.send('POST', path, { authorization: updater, body: override })).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('MANAGE_SEGMENT_OVERRIDES') },
  })
})

test.each([false, true])('many flags are changed in one edit, all or none (with versions: %s)', async (throughVersions) => {
  const { as, inProject, byKey, feature, makeSegment, whole, params, authorization, environment } = await start({ throughVersions })
  const staff = await makeSegment('Staff')
  const names = Array.from({ length: 30 }, (_, index) => `feature-${index}`)
  for (const name of names) await as('features').create({ params: inProject, body: { name } })
  const path = `/api/v1/environments/${environment.api_key}/features/bulk-update/`
  const send = (features: object[]) => server.send('POST', path, { authorization, body: { features } })
  const on = [...names, 'Checkout'].map((name) => ({ feature: { name }, environment_default: { enabled: true } }))
  const before = await whole.get({ params })
  const wrong = { feature: { id: feature.id }, segment_overrides: [{ segment: { id: staff } }, { segment: { id: 987_654 } }] }
  const refused = await send([...on.slice(0, 2), wrong])
  expect(refused).toMatchObject({ status: 400 })
  expect(Object(refused.body).features.slice(0, 2)).toEqual([{}, {}])
  expect(Object(refused.body).features[2]).toEqual({ segment_overrides: [{}, { segment: { id: [expect.stringContaining('987654')] } }] })
  expect(await send([on[0] ?? {}, on[0] ?? {}])).toMatchObject({
    status: 400,
    body: { features: [{}, { feature: [expect.stringContaining('twice')] }] },
  })
  expect(await send([{ ...on[0], environment_default: { enabeld: true } }])).toMatchObject({
    status: 400,
    body: { features: [{ environment_default: { enabeld: ['This field is not known.'] } }] },
  })
  expect(await whole.get({ params })).toEqual(before)
  const features = [...on].map((each) => ({ ...each, segment_overrides: [{ segment: { id: staff }, enabled: false }] }))
  const done = await as('manyFlags').update({ params: byKey, body: { features } })
  expect(done.map(({ changed }) => changed)).toEqual(features.map(() => true))
  const instants = new Set(
    (await as('featureStates').list({ params: byKey, query: { page_size: 100 } })).results.map((state) => state.live_from),
  )
  expect(instants.size).toBe(1)
  const again = [...on.slice(1).map((each) => ({ ...each })), { feature: { name: 'feature-0' }, remove_segment_overrides: [staff] }]
  const changed = (await as('manyFlags').update({ params: byKey, body: { features: again } })).filter((each) => each.changed)
  expect(changed.map((each) => each.feature.name)).toEqual(['feature-0'])
})
