import { api, type Reply } from '@halyard/contract'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { startServer, type TestServer } from '../testing/start-server.ts'

// Two installations: what one exports, the other imports.
let source: TestServer
let target: TestServer
beforeAll(async () => {
  source = await startServer()
  target = await startServer()
  // Installations begin apart, but the databases of tests are copies of one.
  for (const sequence of ['segments_id_seq', 'feature_states_id_seq'])
    await target.runtime.control.pool.query(`select setval('${sequence}', (select last_value + 200000000 from ${sequence}))`)
})
afterAll(async () => {
  await source.close()
  await target.close()
})

type Project = Awaited<ReturnType<TestServer['makeProject']>>
type Report = Reply<typeof api.transfers.import>

/** A project with everything that decides flags: variants, percentages, overrides with an order, identities. */
async function fill({ authorization, project, environment }: Project): Promise<void> {
  const as = <const R extends (typeof api)[keyof typeof api]>(resource: R) => source.as(authorization, resource)
  const [params, inEnvironment] = [{ project: project.id }, { environment_key: environment.api_key }]
  const tag = await as(api.tags).create({ params, body: { label: 'payments' } })
  const plain = await as(api.features).create({
    params,
    body: { name: 'plain', initial_value: '42', default_enabled: true, tags: [tag.id] },
  })
  const multivariate = await as(api.features).create({
    params,
    body: {
      name: 'Checkout',
      type: 'MULTIVARIATE',
      initial_value: 'control',
      default_enabled: true,
      multivariate_options: [
        { string_value: 'red', key: 'red', default_percentage_allocation: 30 },
        { string_value: 'green', default_percentage_allocation: 30 },
      ],
    },
  })
  const rule = (operator: 'EQUAL' | 'PERCENTAGE_SPLIT', property: string, value: string) => [
    { type: 'ALL' as const, rules: [{ type: 'ANY' as const, conditions: [{ operator, property, value }], rules: [] }], conditions: [] },
  ]
  const gold = await as(api.segments).create({ params, body: { name: 'gold', rules: rule('EQUAL', 'plan', 'gold') } })
  const half = await as(api.segments).create({
    params,
    body: { name: 'half', feature: plain.id, rules: rule('PERCENTAGE_SPLIT', '', '50') },
  })
  for (const [feature, segment, value] of [
    [plain, half, 50],
    [plain, gold, 100],
    [multivariate, gold, 7],
  ] as const) {
    await as(api.featureSegments).createOverride({
      params: { ...inEnvironment, feature: feature.id },
      body: { feature_segment: { segment: segment.id }, enabled: true, feature_state_value: { type: 'int', integer_value: value } },
    })
  }
  const ada = await as(api.identities).create({ params: inEnvironment, body: { identifier: 'ada' } })
  await as(api.identityOverrides).create({
    params: { ...inEnvironment, identity: ada.id },
    body: { feature: plain.id, enabled: false, feature_state_value: 'hers' },
  })
}

const identities = Array.from({ length: 300 }, (_, index) => ({
  identifier: `user-${index}`,
  traits: { plan: index % 3 === 0 ? 'gold' : 'free' },
}))

async function seen(server: TestServer, key: string, { identifier, traits }: { identifier: string; traits?: Record<string, string> }) {
  const body = {
    identifier,
    ...(traits && { traits: Object.entries(traits).map(([trait_key, trait_value]) => ({ trait_key, trait_value })) }),
  }
  // A machine that is busy may answer before it has stored the identity, and then says so.
  const answer = await vi.waitFor(async () => {
    const answered = await server.send('POST', '/api/v1/identities/', { headers: { 'x-environment-key': key }, body })
    expect(answered.headers.has('halyard-degraded')).toBe(false)
    return answered
  }, 20_000)
  const shown = z.object({
    traits: z.array(z.object({ trait_key: z.string(), trait_value: z.unknown() })),
    flags: z.array(z.object({ enabled: z.boolean(), feature_state_value: z.unknown(), feature: z.object({ name: z.string() }) })),
  })
  const { flags, traits: kept } = shown.parse(answer.body)
  return {
    identifier,
    traits: kept,
    flags: flags
      .map(({ feature, enabled, feature_state_value: value }) => [feature.name, enabled, value])
      .toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
  }
}

async function seenInTurn(server: TestServer, key: string, all: readonly Parameters<typeof seen>[2][]) {
  const shown: Awaited<ReturnType<typeof seen>>[] = []
  for (let start = 0; start < all.length; start += 10)
    shown.push(...(await Promise.all(all.slice(start, start + 10).map((identity) => seen(server, key, identity)))))
  return shown
}

const exportOf = async (server: TestServer, { authorization, project }: Project): Promise<string> =>
  (await server.send('GET', `/api/v1/projects/${project.id}/export/?identities=true`, { authorization })).text

const importInto = (server: TestServer, { authorization, organisation }: Project, body: unknown, query = '') =>
  server.send('POST', `/api/v1/organisations/${organisation.id}/import/${query}`, { authorization, body })

const countProjects = async (server: TestServer, { authorization, organisation }: Project) =>
  (await server.as(authorization, api.projects).list({ query: { organisation: organisation.id } })).length

test('what is imported elsewhere gives everybody the same flags, and exports the same again', async () => {
  const [here, there] = [await source.makeProject(), await target.makeProject()]
  await source
    .as(here.authorization, api.projects)
    .update({ params: { project: here.project.id }, body: { name: 'Exported', stale_flags_limit_days: 9 } })
  await fill(here)
  const before = await Promise.all(
    [...identities, { identifier: 'ada' }].map((identity) => seen(source, here.environment.api_key, identity)),
  )
  const file = await exportOf(source, here)

  const dry = await importInto(target, there, file, '?dry_run=true')
  expect(dry.status).toBe(200)
  const plan = { name: 'Exported', features: 2, segments: 2, overrides: 4 }
  const environment = { name: 'Production', api_key: here.environment.api_key, identities: 301 }
  expect(dry.body).toEqual({
    dry_run: true,
    problems: [],
    warnings: [],
    projects: [{ id: null, ...plan, environments: [{ id: null, ...environment }] }],
  })
  expect(await countProjects(target, there)).toBe(1)

  const real = await importInto(target, there, file)
  expect(real).toMatchObject({ status: 200, body: { problems: [], warnings: [], projects: [{ ...plan, environments: [environment] }] } })

  // Nothing but the name is sent: traits are those that came along.
  const after = await seenInTurn(
    target,
    here.environment.api_key,
    before.map(({ identifier }) => ({ identifier })),
  )
  expect(after).toEqual(before)
  expect(new Set(before.map(({ flags }) => JSON.stringify(flags))).size).toBeGreaterThan(4)

  const [, imported] = await target.as(there.authorization, api.projects).list({ query: { organisation: there.organisation.id } })
  expect(imported).toMatchObject({ name: 'Exported', stale_flags_limit_days: 9 })
  const again = await exportOf(target, { ...there, project: { id: imported?.id ?? 0, uuid: '' } })
  expect(again).toBe(file)
  const change = await target.control.db.selectFrom('changes').selectAll().where('type', '=', 'project.imported').executeTakeFirstOrThrow()
  expect(change).toMatchObject({ subject_id: String(imported?.id), after: { name: 'Exported', features: 2, segments: 2, environments: 1 } })
})

test('a copy in the same installation gets keys and ids of its own, and says what that changes', async () => {
  const here = await source.makeProject()
  await fill(here)
  const file = await exportOf(source, here)
  expect(await importInto(source, here, file)).toMatchObject({
    status: 400,
    body: { 'projects.0.name': [expect.stringContaining('already exists')] },
  })
  const copy = file.replace('"name":"Shop"', '"name":"Copy"')
  const answer = await importInto(source, here, copy)
  expect(answer.status).toBe(200)
  const report: Report = JSON.parse(answer.text)
  expect(report.warnings).toEqual([{ path: 'projects.0', message: expect.stringContaining('other variants') }])
  expect(report.projects[0]?.environments[0]?.api_key).not.toBe(here.environment.api_key)
  const flags = await seen(source, report.projects[0]?.environments[0]?.api_key ?? '', { identifier: 'ada' })
  expect(flags.flags).toContainEqual(['plain', false, 'hers'])
})

test('an environment whose key was changed gives everybody the same elsewhere, and schemas of values hold there', async () => {
  const [here, there] = [await source.makeProject(), await target.makeProject()]
  const params = { project: here.project.id }
  await source.as(here.authorization, api.projects).update({ params, body: { name: 'Rotated' } })
  const feature = await source.as(here.authorization, api.features).create({
    params,
    body: {
      name: 'size',
      type: 'MULTIVARIATE',
      initial_value: '1',
      default_enabled: true,
      multivariate_options: [{ string_value: '2', default_percentage_allocation: 50 }],
    },
  })
  const schema = { type: 'integer' }
  await source.as(here.authorization, api.valueSchemas).replace({ params: { ...params, feature: feature.id }, body: { schema } })
  const { api_key: key } = await source
    .as(here.authorization, api.environments)
    .rotateKey({ params: { environment_key: here.environment.api_key }, body: { old_key_works_until: '2001-01-01T00:00:00Z' } })
  const some = identities.slice(0, 40)
  const before = await seenInTurn(source, key, some)
  const file = await exportOf(source, here)

  const { status, text } = await importInto(target, there, file)
  expect({ status, text }).toMatchObject({ status: 200, text: expect.stringContaining('"warnings":[]') })
  const report: Report = JSON.parse(text)
  expect(await seenInTurn(target, key, some)).toEqual(before)
  const imported = { id: report.projects[0]?.id ?? 0 }
  expect(await exportOf(target, { ...there, project: { ...there.project, ...imported } })).toBe(file)
  const { results } = await target.as(there.authorization, api.features).list({ params: { project: imported.id } })
  const of = { project: imported.id, feature: results[0]?.id ?? 0 }
  expect(await target.as(there.authorization, api.valueSchemas).get({ params: of })).toEqual({ schema })

  const other = file.replace('"name":"Rotated"', '"name":"Other"')
  expect(await importInto(target, there, other.replace('"value":1,', '"value":"one",'))).toMatchObject({
    status: 400,
    body: { 'projects.0.environments.0.states.0.value': [expect.stringContaining('not JSON')] },
  })
  expect(await importInto(target, there, other.replace('"value":"2"', '"value":"two"'))).toMatchObject({
    status: 400,
    body: { 'projects.0.features.0.variants.0.value': [expect.stringContaining('not JSON')] },
  })
  expect(await importInto(target, there, other.replace('{"type":"integer"}', '{"type":"colour"}'))).toMatchObject({
    status: 400,
    body: { 'projects.0.features.0.value_schema': [expect.stringContaining('not usable')] },
  })
  expect(await importInto(target, there, other.replace('"hash_key":"', '"hash_key":"ser.'))).toMatchObject({
    status: 400,
    body: { 'projects.0.environments.0.hash_key': [expect.stringContaining('cannot begin')] },
  })
})

test('a file with mistakes is refused whole, every mistake with its place', async () => {
  const there = await target.makeProject()
  const here = await source.makeProject()
  await fill(here)
  const wrong = z.looseObject({
    projects: z.array(z.looseObject({ environments: z.array(z.looseObject({ states: z.array(z.looseObject({})) })) })),
  })
  const file = wrong.parse(JSON.parse(await exportOf(source, here)))
  const [project] = file.projects
  Object.assign(project?.environments[0]?.states[0] ?? {}, { feature: 'unheard of' })
  Object.assign(project?.environments[0]?.states[1] ?? {}, { enabled: 'perhaps' })
  expect(await importInto(target, there, file)).toMatchObject({
    status: 400,
    body: { 'projects.0.environments.0.states.1.enabled': ['Must be a valid boolean.'] },
  })
  Object.assign(project?.environments[0]?.states[1] ?? {}, { enabled: true })
  Object.assign(project ?? {}, { name: 'Elsewhere' })
  const refused = { 'projects.0.environments.0.states.0.feature': ['There is no such feature in the project.'] }
  expect(await importInto(target, there, file)).toMatchObject({ status: 400, body: refused })
  expect(await countProjects(target, there)).toBe(1)
})

test('nothing stays of an import whose identities are wrong, wherever in the file', async () => {
  const there = await target.makeProject()
  const count = async () => (await target.runtime.identities.pool.query('select count(*)::integer as count from identities')).rows[0]?.count
  const before = await count()
  const many = Array.from({ length: 1200 }, (_, index) => ({ identifier: `staged-${index}`, traits: {} }))
  const environment = {
    name: 'E',
    description: null,
    api_key: 'a-key-of-nobody',
    settings: {},
    states: [],
    identities: [...many, { identifier: '' }],
  }
  const project = { name: 'P', settings: {}, tags: [], features: [], segments: [], environments: [environment] }
  const body = { format: 'halyard', version: 1, projects: [project] }
  const path = 'projects.0.environments.0.identities.1200.identifier'
  expect(await importInto(target, there, body)).toMatchObject({ status: 400, body: { [path]: ['This field may not be blank.'] } })
  expect(await importInto(target, there, body, '?dry_run=true')).toMatchObject({
    status: 200,
    body: { problems: expect.arrayContaining([expect.objectContaining({ path })]) },
  })
  expect(await count()).toBe(before)
})

test('what is no export, is cut off, too deep or too large, is refused', async () => {
  const there = await target.makeProject()
  const ask = async (body: string) => {
    const { status, text } = await importInto(target, there, body)
    return { status, text }
  }
  expect(await ask('{"projects": []}')).toMatchObject({ status: 400, text: expect.stringContaining('not an export of Halyard') })
  expect(await ask('{"format":"halyard","version":2,"projects":[]}')).toMatchObject({
    status: 400,
    text: expect.stringContaining('version'),
  })
  for (const body of ['', 'nonsense', '{"format":"halyard","version":1,"projects":[', '{"format":"halyard"} {}', '[]'])
    expect(await ask(body)).toMatchObject({ status: 400 })
  expect(await ask('['.repeat(10_000))).toMatchObject({ status: 400, text: expect.stringContaining('nested') })
  const huge = `{"format":"halyard","version":1,"projects":[${' '.repeat(1024 * 1024)}]}`
  expect(await ask(huge)).toMatchObject({ status: 413 })
  const streamed = await fetch(new URL(`/api/v1/organisations/${there.organisation.id}/import/`, target.url), {
    method: 'POST',
    headers: { authorization: there.authorization, 'content-type': 'application/json' },
    body: Readable.toWeb(Readable.from([Buffer.from(huge)])),
    duplex: 'half',
  })
  expect(streamed.status).toBe(413)
})
