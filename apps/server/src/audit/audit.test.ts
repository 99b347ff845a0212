import { api, changes } from '@halyard/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

async function startAudit() {
  const made = await server.makeProject()
  const { authorization, organisation, project, environment } = made
  const audit = server.as(authorization, api.audit)
  const features = server.as(authorization, api.features)
  const params = { organisation: organisation.id }
  return { ...made, audit, features, params, inProject: { project: project.id }, key: { environment_key: environment.api_key } }
}

test('every kind of change has a sentence that a name can follow', () => {
  for (const [type, { sentence }] of Object.entries(changes))
    expect(`${type}: ${sentence}`).toMatch(/^[a-z0-9_]+\.[a-z0-9_]+: \p{Ll}.*[^.: ]$/u)
})

test('an entry says who did what to which thing, where and when', async () => {
  const { audit, features, inProject, authorization, project, organisation } = await startAudit()
  const feature = await features.create({ params: inProject, body: { name: 'dark_mode' } })
  const me = await server.as(authorization, api.users).me({})
  const { results } = await audit.listOfProject({ params: inProject, query: { page_size: 1 } })
  expect(results).toEqual([
    {
      id: expect.any(Number),
      created_date: expect.stringMatching(/Z$/),
      log: 'Created a feature: dark_mode',
      author: {
        id: me.id,
        email: me.email,
        first_name: 'Ada',
        last_name: 'Tester',
        last_login: expect.toSatisfy((at) => at === null || typeof at === 'string'),
        uuid: me.uuid,
      },
      actor: { kind: 'user', id: me.id, name: 'Ada Tester' },
      organisation: organisation.id,
      project: { id: project.id, uuid: project.uuid, name: 'Shop', organisation: organisation.id },
      environment: null,
      type: 'feature.created',
      related_object_id: feature.id,
      related_object_uuid: feature.uuid,
      related_object_type: 'FEATURE',
      related_object_name: 'dark_mode',
      is_system_event: false,
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      address: '127.0.0.1',
    },
  ])
})

test('details say field by field what changed', async () => {
  const { audit, features, inProject } = await startAudit()
  const feature = await features.create({ params: inProject, body: { name: 'dark_mode', description: 'Before' } })
  await features.update({ params: { ...inProject, feature: feature.id }, body: { description: 'After' } })
  const { results } = await audit.listOfProject({ params: inProject, query: { type: 'feature', object: feature.id } })
  const [updated, created] = await Promise.all(results.map(({ id }) => audit.getOfProject({ params: { ...inProject, change: id } })))
  expect(updated).toMatchObject({ change_type: 'UPDATE', change_details: [{ field: 'description', old: 'Before', new: 'After' }] })
  expect(created?.change_type).toBe('CREATE')
  expect(created?.change_details).toContainEqual({ field: 'name', old: null, new: 'dark_mode' })
})

test('what a state belongs to is named by its feature, by the name it had then', async () => {
  const { audit, features, inProject, key, authorization, environment } = await startAudit()
  const feature = await features.create({ params: inProject, body: { name: 'dark_mode' } })
  const states = server.as(authorization, api.featureStates)
  const { results } = await states.list({ params: key, query: { feature: feature.id } })
  await states.update({ params: { ...key, feature_state: results[0]?.id ?? 0 }, body: { enabled: true } })
  const found = await audit.listOfProject({ params: inProject, query: { environments: String(environment.id), search: 'DARK' } })
  expect(found.results.map(({ log, related_object_type, environment }) => [log, related_object_type, environment?.name])).toEqual([
    ['Changed a feature’s state: dark_mode', 'FEATURE_STATE', 'Production'],
  ])
})

test('keys and sign-ins of its people are in the record of an organisation, and of no project', async () => {
  const { audit, params, inProject, authorization } = await startAudit()
  const { prefix } = await server.as(authorization, api.masterApiKeys).create({ params, body: { name: 'CI' } })
  await server.as(authorization, api.masterApiKeys).delete({ params: { ...params, prefix } })
  const stranger = await server.signUp('Eve')
  await server.as(stranger, api.users).logout({})
  const types = async (found: Promise<{ results: { type: string }[] }>) => (await found).results.map(({ type }) => type)
  const ofOrganisation = await types(audit.listOfOrganisation({ params }))
  expect(ofOrganisation).toEqual(expect.arrayContaining(['master_api_key.created', 'master_api_key.deleted', 'user.created']))
  expect(ofOrganisation).not.toContain('user.signed_out')
  expect(await types(audit.list({}))).toEqual(ofOrganisation)
  expect(await types(audit.listOfProject({ params: inProject }))).not.toContain('master_api_key.created')
})

test('filters narrow the record down', async () => {
  const { audit, features, inProject, project, organisation, params, authorization } = await startAudit()
  const key = await server.as(authorization, api.masterApiKeys).create({ params, body: { name: 'CI' } })
  await features.create({ params: inProject, body: { name: 'by_hand' } })
  await server.as(`Api-Key ${key.key}`, api.features).create({ params: inProject, body: { name: 'by_machine' } })
  const names = async (query: Parameters<typeof audit.listOfOrganisation>[0]['query']) =>
    (await audit.listOfOrganisation({ params, query: { type: 'feature.created', ...query } })).results.map(
      (entry) => entry.related_object_name,
    )
  const all = ['by_machine', 'by_hand']
  expect(await names({})).toEqual(all)
  expect(await names({ project: project.id })).toEqual(all)
  expect(await names({ project: organisation.id + 1_000_000 })).toEqual([])
  expect(await names({ api_key: (await keyId(key.prefix)) ?? 0 })).toEqual(['by_machine'])
  expect(await names({ is_system_event: 'false' })).toEqual(all)
  expect(await names({ is_system_event: 'true' })).toEqual([])
  expect(await names({ from: '2999-01-01T00:00:00Z' })).toEqual([])
  expect(await names({ to: '2999-01-01T00:00:00Z' })).toEqual(all)
  expect(await names({ search: 'by_h' })).toEqual(['by_hand'])
  expect(await names({ search: '%' })).toEqual([])
})

const keyId = async (prefix: string) =>
  (await server.control.db.selectFrom('master_api_keys').select('id').where('prefix', '=', prefix).executeTakeFirst())?.id

test('pages follow each other without gaps, by number and by link', async () => {
  const { audit, features, inProject, authorization } = await startAudit()
  for (let index = 0; index < 7; index += 1) await features.create({ params: inProject, body: { name: `feature_${index}` } })
  const whole = await audit.listOfProject({ params: inProject })
  const byNumber = await Promise.all([1, 2, 3].map((page) => audit.listOfProject({ params: inProject, query: { page, page_size: 3 } })))
  expect(byNumber.flatMap(({ results }) => results)).toEqual(whole.results.slice(0, 9))
  const byLink: unknown[] = []
  for (let next: string | null = `/api/v1/projects/${inProject.project}/audit/?page_size=4`; next;) {
    const answer: { body: unknown } = await server.send('GET', next, { authorization })
    const page = api.audit.list.reply.parse(answer.body)
    expect(page.count).toBe(whole.count)
    byLink.push(...page.results)
    next = page.next
  }
  expect(byLink).toEqual(whole.results)
  const beyond = await server.send('GET', `/api/v1/projects/${inProject.project}/audit/?page=99`, { authorization })
  expect(beyond).toMatchObject({ status: 404, body: { detail: 'Invalid page.' } })
})

test('the export holds everything once; in a spreadsheet no cell is a formula', async () => {
  const { audit, features, inProject, authorization } = await startAudit()
  await server
    .as(authorization, api.tags)
    .create({ params: inProject, body: { label: '=HYPERLINK("https://evil.example")', color: '#fff' } })
  await features.create({ params: inProject, body: { name: 'dark_mode' } })
  const whole = await audit.listOfProject({ params: inProject })
  const lines = (await audit.exportOfProject({ params: inProject, query: { format: 'ndjson' } })).trim().split('\n')
  expect(lines.map((line) => Object(JSON.parse(line)).id)).toEqual(whole.results.map(({ id }) => id))
  expect(Object(JSON.parse(lines[0] ?? ''))).toMatchObject({ change_type: 'CREATE', change_details: expect.any(Array) })
  const answer = await server.send('GET', `/api/v1/projects/${inProject.project}/audit/export/`, { authorization })
  expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="audit-project-${inProject.project}.csv"`)
  expect(answer.text.trim().split('\n')).toHaveLength(whole.count + 1)
  expect(answer.text).toContain(`"'=HYPERLINK(`)
  expect(answer.text).not.toMatch(/(^|,)"?[=+@-]/m)
})

test('a deep page of a long record is read from where the one before ended', async () => {
  const { audit, project, organisation, inProject } = await startAudit()
  await sql`
    insert into changes (at, type, organisation_id, project_id, subject_id, subject_name, actor_kind, actor_name, after)
    select now(), 'tag.updated', ${organisation.id}, ${project.id}, n::text, 'tag ' || n, 'system', 'tests', '{"label": "x"}'
      from generate_series(1, 120000) as n`.execute(server.control.db)
  await sql`analyze changes`.execute(server.control.db)
  const first = await audit.listOfProject({ params: inProject, query: { page_size: 10 } })
  expect(first.count).toBe(100_000)
  const deep = await audit.listOfProject({ params: inProject, query: { page_size: 10, page: 9_999 } })
  expect(deep.results.map(({ related_object_name: name }) => name)[0]).toBe('tag 20020')
  const before = first.results.at(-1)?.id ?? 0
  expect((await audit.listOfProject({ params: inProject, query: { page_size: 10, page: 11_001, before } })).results).toHaveLength(10)
})
