import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestProject, type TestServer } from '../testing/start-server.ts'
import { purgeFeatureFiles } from './queries.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const as = <const Noun extends keyof typeof api>({ authorization }: TestProject, noun: Noun) => server.as(authorization, api[noun])

/** A feature of each kind of value, one with variants, one with overrides and one that is archived. */
async function fill(at: TestProject) {
  const params = { project: at.project.id }
  const features = as(at, 'features')
  await features.create({ params, body: { name: 'text', initial_value: 'blue', default_enabled: true } })
  const number = await features.create({ params, body: { name: 'number', initial_value: 7, is_server_key_only: true } })
  await features.create({ params, body: { name: 'boolean', initial_value: true } })
  await features.create({ params, body: { name: 'empty' } })
  await features.create({ params, body: { name: 'archived', is_archived: true } })
  const shares = await features.create({
    params,
    body: {
      name: 'shares',
      initial_value: 'control',
      multivariate_options: [
        { string_value: 'red', default_percentage_allocation: 20 },
        { integer_value: 3, default_percentage_allocation: 30.5 },
      ],
    },
  })
  const environment = { environment_key: at.environment.api_key }
  const { results } = await as(at, 'featureStates').list({ params: environment, query: { feature: shares.id } })
  const [red, three] = shares.multivariate_options
  await as(at, 'featureStates').update({
    params: { ...environment, feature_state: results[0]?.id ?? 0 },
    body: {
      enabled: true,
      multivariate_feature_state_values: [
        { multivariate_feature_option: red?.id ?? 0, percentage_allocation: 60 },
        { multivariate_feature_option: three?.id ?? 0, percentage_allocation: 40 },
      ],
    },
  })
  return { number, shares }
}

/** What SDKs with the server-side key are told, by feature. */
async function flagsOf({ serverKey }: TestProject) {
  const { text } = await server.send('GET', '/api/v1/environment-document/', { headers: { 'x-environment-key': serverKey } })
  const document: Document = JSON.parse(text)
  return document.feature_states
    .map(({ feature, enabled, feature_state_value: value, multivariate_feature_state_values: weights }) => ({
      name: feature.name,
      enabled,
      value,
      weights: weights.map(({ multivariate_feature_option: { value: carried }, percentage_allocation: weight }) => [carried, weight]),
    }))
    .toSorted((one, other) => one.name.localeCompare(other.name))
}

interface Document {
  readonly feature_states: readonly {
    readonly feature: { readonly name: string }
    readonly enabled: boolean
    readonly feature_state_value: unknown
    readonly multivariate_feature_state_values: readonly {
      readonly multivariate_feature_option: { readonly value: unknown }
      readonly percentage_allocation: number
    }[]
  }[]
}

async function fileOf(at: TestProject, tags: number[] = []): Promise<string> {
  const { id } = await as(at, 'featureFiles').createExport({ body: { environment_id: at.environment.id, tag_ids: tags } })
  const answer = await server.send('GET', `/api/v1/features/download-feature-export/${id}/`, { authorization: at.authorization })
  expect(answer.headers.get('content-type')).toContain('application/json')
  expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="feature_export.${id}.json"`)
  return answer.text
}

/** As browsers send it, without the slash at the end, as clients know the path. */
async function upload(at: TestProject, file: string | Blob, strategy = 'SKIP') {
  const form = new FormData()
  form.append('strategy', strategy)
  form.append('file', typeof file === 'string' ? new Blob([file], { type: 'application/json' }) : file, 'features.json')
  const response = await fetch(new URL(`/api/v1/features/feature-import/${at.environment.id}`, server.url), {
    method: 'POST',
    headers: { authorization: at.authorization },
    body: form,
  })
  const body: unknown = await response.json()
  return { status: response.status, body }
}

const inFile = (name: string, more: object = {}) => ({
  name,
  default_enabled: false,
  is_server_key_only: false,
  initial_value: null,
  enabled: true,
  type: 'unicode',
  value: 'new',
  multivariate: [],
  ...more,
})

test('features that are exported from one project and imported into another are the same there', async () => {
  const [here, there] = [await server.makeProject(), await server.makeProject()]
  await fill(here)
  const file = await fileOf(here)
  expect(await upload(there, file)).toEqual({
    status: 201,
    body: {
      id: expect.any(Number),
      environment_id: there.environment.id,
      strategy: 'SKIP',
      status: 'SUCCESS',
      created_at: expect.stringMatching(/^\d{4}-/),
    },
  })
  expect(await flagsOf(there)).toEqual((await flagsOf(here)).filter(({ name }) => name !== 'archived'))
  expect(await fileOf(there)).toBe(file)
  expect(await as(there, 'features').list({ params: { project: there.project.id } })).toMatchObject({
    count: 5,
    results: expect.arrayContaining([expect.objectContaining({ name: 'number', initial_value: '7', is_server_key_only: true })]),
  })
})

test('the file is the one that Flagsmith writes and reads', async () => {
  const at = await server.makeProject()
  await fill(at)
  const file: unknown[] = JSON.parse(await fileOf(at))
  expect(file.at(-1)).toEqual({
    name: 'shares',
    default_enabled: false,
    initial_value: 'control',
    is_server_key_only: false,
    enabled: true,
    value: 'control',
    type: 'unicode',
    multivariate: [
      { percentage_allocation: 60, default_percentage_allocation: 20, value: 'red', type: 'unicode' },
      { percentage_allocation: 40, default_percentage_allocation: 30.5, value: 3, type: 'int' },
    ],
  })
})

test('an export holds the features with one of the tags that are named', async () => {
  const at = await server.makeProject()
  const { number } = await fill(at)
  const params = { project: at.project.id }
  const tag = await as(at, 'tags').create({ params, body: { label: 'moving' } })
  await as(at, 'features').update({ params: { ...params, feature: number.id }, body: { tags: [tag.id] } })
  expect(JSON.parse(await fileOf(at, [tag.id]))).toMatchObject([{ name: 'number' }])
  const unknown = as(at, 'featureFiles').createExport({ body: { environment_id: at.environment.id, tag_ids: [tag.id, 999_999] } })
  await expect(unknown).rejects.toMatchObject({ status: 400, errors: { tag_ids: ['Invalid pk "999999" - object does not exist.'] } })
})

test('SKIP leaves features that are there as they are, whatever the case of their names', async () => {
  const at = await server.makeProject()
  await as(at, 'features').create({ params: { project: at.project.id }, body: { name: 'Beta', initial_value: 'old' } })
  expect(await upload(at, JSON.stringify([inFile('beta'), inFile('other')]))).toMatchObject({ status: 201 })
  expect(await flagsOf(at)).toMatchObject([
    { name: 'Beta', enabled: false, value: 'old' },
    { name: 'other', enabled: true, value: 'new' },
  ])
})

test('OVERWRITE_DESTRUCTIVE makes of a feature what the file says, without its overrides, in this environment only', async () => {
  const at = await server.makeProject()
  const { shares } = await fill(at)
  const params = { project: at.project.id }
  const staging = await as(at, 'environments').create({ body: { name: 'Staging', project: at.project.id } })
  const segment = await as(at, 'segments').create({ params, body: { name: 'staff', rules: [{ type: 'ALL' }] } })
  for (const { api_key: key } of [at.environment, staging])
    await as(at, 'featureSegments').createOverride({
      params: { environment_key: key, feature: shares.id },
      body: { feature_segment: { segment: segment.id }, enabled: true },
    })
  const identity = await as(at, 'identities').create({ params: { environment_key: at.environment.api_key }, body: { identifier: 'ada' } })
  await as(at, 'identityOverrides').create({
    params: { environment_key: at.environment.api_key, identity: identity.id },
    body: { feature: shares.id, enabled: true },
  })
  const multivariate = [
    { percentage_allocation: 10, default_percentage_allocation: 20, value: 'red', type: 'unicode' },
    { percentage_allocation: 25, default_percentage_allocation: 5, value: true, type: 'bool' },
  ]
  const wanted = inFile('shares', { enabled: false, type: 'int', value: 5, initial_value: '5', multivariate })
  expect(await upload(at, JSON.stringify([wanted]), 'OVERWRITE_DESTRUCTIVE')).toMatchObject({ status: 201 })

  expect((await flagsOf(at)).find(({ name }) => name === 'shares')).toEqual({
    name: 'shares',
    enabled: false,
    value: 5,
    weights: [
      ['red', 10],
      [3, 0],
      [true, 25],
    ],
  })
  const after = await as(at, 'features').get({ params: { ...params, feature: shares.id } })
  expect(after).toMatchObject({ id: shares.id, initial_value: '5', num_segment_overrides: 1, num_identity_overrides: 0 })
  const elsewhere = await as(at, 'featureStates').list({ params: { environment_key: staging.api_key }, query: { feature: shares.id } })
  expect(elsewhere.results).toMatchObject([{ feature_state_value: 'control' }])
  const [change] = await server.control.db
    .selectFrom('changes')
    .selectAll()
    .where('type', '=', 'feature_import.created')
    .where('environment_id', '=', at.environment.id)
    .execute()
  expect(change).toMatchObject({ after: { strategy: 'OVERWRITE_DESTRUCTIVE', created: 0, overwritten: 1, skipped: 0 } })
})

test('a file with a mistake is refused whole, with the place of the mistake', async () => {
  const at = await server.makeProject()
  const refusals: readonly (readonly [unknown, unknown])[] = [
    ['nonsense', { file: [expect.stringMatching(/^The file is not JSON: .*nonsense/)] }],
    ['[{"name": "a",}]', { file: [expect.stringMatching(/^The file is not JSON: .*position/)] }],
    ['{}', { file: ['The file is not a list of features.'] }],
    [[inFile('good'), inFile('bad', { type: 'int' })], { file: [{}, { value: ['The value is not of the type that is named.'] }] }],
    [[inFile('good'), inFile('Good')], { file: [{}, { name: ['Another feature of the file has this name.'] }] }],
    [[inFile('good', { enabled: 'yes' })], { file: [{ enabled: ['Must be a valid boolean.'] }] }],
    [[inFile('good\u0000')], { file: [expect.stringContaining('Null characters')] }],
  ]
  for (const [file, errors] of refusals) {
    const answer = await upload(at, typeof file === 'string' ? file : JSON.stringify(file))
    expect(answer).toEqual({ status: 400, body: errors })
  }
  expect(await upload(at, '[]', 'MERGE')).toEqual({ status: 400, body: { strategy: ['"MERGE" is not a valid choice.'] } })
  await as(at, 'projects').update({ params: { project: at.project.id }, body: { feature_name_regex: '[a-z]+' } })
  expect(await upload(at, JSON.stringify([inFile('good'), inFile('Not-Good')]))).toEqual({
    status: 400,
    body: { file: ['1 (“Not-Good”): name: Feature name must match regex: [a-z]+'] },
  })
  expect(await as(at, 'features').list({ params: { project: at.project.id } })).toMatchObject({ count: 0 })
  expect(await as(at, 'featureFiles').listImports({ params: { project: at.project.id } })).toMatchObject({ count: 0 })
})

test('a file that is too large, of another encoding or no file at all is refused', async () => {
  const at = await server.makeProject()
  for (const bytes of [1_000_001, 3_000_000])
    expect(await upload(at, '['.padEnd(bytes))).toEqual({ status: 400, body: { file: [expect.stringContaining('too large')] } })
  expect(await upload(at, new Blob([new Uint8Array([0x5b, 0xff, 0x5d])]))).toMatchObject({ status: 400 })
  const path = `/api/v1/features/feature-import/${at.environment.id}/`
  const form = new FormData()
  form.append('strategy', 'SKIP')
  const without = await fetch(new URL(path, server.url), { method: 'POST', headers: { authorization: at.authorization }, body: form })
  expect(without.status).toBe(400)
  const type = { 'content-type': 'multipart/form-data; boundary=x' }
  const broken = await server.send('POST', path, { authorization: at.authorization, headers: type, body: '--x\r\nbroken' })
  expect(broken.status).toBe(400)
})

test('exports and imports are listed for who administers the environment, by page, and gone after two weeks', async () => {
  const at = await server.makeProject()
  const params = { project: at.project.id }
  const files = as(at, 'featureFiles')
  for (let count = 0; count < 11; count += 1) await files.createExport({ body: { environment_id: at.environment.id } })
  await upload(at, '[]')
  const first = await files.listExports({ params })
  expect(first).toMatchObject({ count: 11, previous: null, next: expect.stringContaining('page=2') })
  expect(first.results[0]).toMatchObject({
    status: 'SUCCESS',
    name: expect.stringMatching(/^Production \| \d{4}-\d\d-\d\d \d\d:\d\d UTC$/),
  })
  expect((await files.listExports({ params, query: { page: 2 } })).results).toHaveLength(1)
  expect(await files.listImports({ params })).toMatchObject({ count: 1, results: [{ strategy: 'SKIP', status: 'SUCCESS' }] })

  await purgeFeatureFiles(server.control, 14)
  expect(await files.listExports({ params })).toMatchObject({ count: 11 })
  await purgeFeatureFiles(server.control, 0)
  expect(await files.listExports({ params })).toMatchObject({ count: 0 })
  expect(await files.listImports({ params })).toMatchObject({ count: 0 })
  await expect(files.download({ params: { feature_export: first.results[0]?.id ?? 0 } })).rejects.toMatchObject({ status: 404 })
})
