import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

type Project = Awaited<ReturnType<TestServer['makeProject']>>
const usageOf = ({ authorization }: Project) => server.as(authorization, api.usage)
const atOrganisation = ({ organisation }: Project) => ({ params: { organisation: organisation.id } })
const atEnvironment = ({ environment }: Project) => ({ params: { environment_key: environment.api_key } })

async function askForFlags({ environment }: Project, times: number, agent?: string): Promise<void> {
  const headers = { 'x-environment-key': environment.api_key, ...(agent && { 'flagsmith-sdk-user-agent': agent }) }
  for (let asked = 0; asked < times; asked += 1) await server.send('GET', '/api/v1/flags/', { headers })
}

const makeFeature = ({ authorization, project }: Project, name: string) =>
  server.as(authorization, api.features).create({ params: { project: project.id }, body: { name } })

const reportEvaluations = ({ environment }: Project, counts: Record<string, number>) =>
  server.send('POST', '/api/v1/analytics/flags/', { headers: { 'x-environment-key': environment.api_key }, body: counts })

/** Usage of the past, which no request can make. */
async function countThen({ environment }: Project, rows: { hour: string; resource: string; feature_name?: string; count: number }[]) {
  const values = rows.map((row) => ({ ...row, environment_id: environment.id, hour: new Date(row.hour) }))
  await server.control.db.insertInto('usage_counts').values(values).execute()
}

test('requests are summed by day, and those of each SDK apart', async () => {
  const project = await server.makeProject()
  await askForFlags(project, 2)
  await askForFlags(project, 3, 'flagsmith-nodejs-sdk/9.0.0')
  await server.send('GET', '/api/v1/environment-document/', { headers: { 'x-environment-key': project.serverKey } })
  const nothing = { hour: null, flags: 0, identities: 0, traits: 0, environment_document: 0 }
  const day = expect.stringMatching(/^\d{4}-\d\d-\d\d$/)
  const node = { client_application_name: null, client_application_version: null, user_agent: 'flagsmith-nodejs-sdk/9.0.0' }
  await vi.waitFor(
    async () =>
      expect(await usageOf(project).ofOrganisation(atOrganisation(project))).toEqual([
        { ...nothing, day, flags: 2, environment_document: 1, labels: null },
        { ...nothing, day, flags: 3, labels: node },
      ]),
    { timeout: 10_000 },
  )
  const query = { user_agent: 'flagsmith-nodejs-sdk/9.0.0' }
  expect(await usageOf(project).totalOfOrganisation({ ...atOrganisation(project), query })).toEqual({ count: 3 })
  expect(await usageOf(project).totalOfOrganisation(atOrganisation(project))).toEqual({ count: 6 })
})

test('a range is summed by the hour, its end excluded', async () => {
  const project = await server.makeProject()
  await countThen(project, [
    { hour: '2026-03-01T09:00:00Z', resource: 'flags', count: 1 },
    { hour: '2026-03-01T10:00:00Z', resource: 'flags', count: 2 },
    { hour: '2026-03-01T10:00:00Z', resource: 'traits', count: 4 },
    { hour: '2026-03-01T11:00:00Z', resource: 'flags', count: 8 },
    { hour: '2026-03-01T12:00:00Z', resource: 'flags', count: 16 },
  ])
  const query = {
    from: '2026-03-01T10:00:00Z',
    to: '2026-03-01T12:00:00Z',
    interval: 'hour' as const,
    environment_id: project.environment.id,
  }
  const rows = await usageOf(project).ofOrganisation({ ...atOrganisation(project), query })
  expect(rows.map(({ hour, flags, traits }) => [hour, flags, traits])).toEqual([
    ['2026-03-01T10:00:00.000Z', 2, 4],
    ['2026-03-01T11:00:00.000Z', 8, 0],
  ])
})

test('projects and environments of others are unknown, and ranges that make no sense are refused', async () => {
  const [project, other] = [await server.makeProject(), await server.makeProject()]
  const path = `/api/v1/organisations/${project.organisation.id}/usage-data/`
  const ask = async (query: string) => {
    const { status, body } = await server.send('GET', `${path}?${query}`, { authorization: project.authorization })
    return { status, body }
  }
  const unknown = (id: number) => [`Invalid pk "${id}" - object does not exist.`]
  expect(await ask(`project_id=${other.project.id}`)).toEqual({ status: 400, body: { project_id: unknown(other.project.id) } })
  expect(await ask(`environment_id=${other.environment.id}`)).toEqual({
    status: 400,
    body: { environment_id: unknown(other.environment.id) },
  })
  expect(await ask('from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z')).toMatchObject({
    status: 400,
    body: { from: [expect.any(String)] },
  })
  expect(await ask('from=2020-03-02T00:00:00Z')).toEqual({ status: 400, body: { from: ['Ask for at most 366 days by the day.'] } })
  expect(await ask('from=2026-03-01T00:00:00Z&to=2026-05-01T00:00:00Z&interval=hour')).toMatchObject({ status: 400 })
  expect(await ask('from=yesterday')).toMatchObject({ status: 400, body: { from: [expect.stringContaining('YYYY-MM-DD')] } })
})

test('evaluations of features are counted by environment, and when they were last is known', async () => {
  const project = await server.makeProject()
  const [often, never] = [await makeFeature(project, 'often'), await makeFeature(project, 'never')]
  await reportEvaluations(project, { often: 41 })
  await reportEvaluations(project, { often: 1, unknown: 7 })
  await countThen(project, [{ hour: '2026-03-01T10:00:00Z', resource: 'evaluations', feature_name: 'often', count: 5 }])
  const instant = expect.stringMatching(/^\d{4}-.*Z$/)
  await vi.waitFor(
    async () =>
      expect((await usageOf(project).ofEnvironment(atEnvironment(project))).results).toEqual([
        { feature: { id: often.id, name: 'often' }, count: 42, first_evaluated_at: instant, last_evaluated_at: instant },
        { feature: { id: never.id, name: 'never' }, count: 0, first_evaluated_at: null, last_evaluated_at: null },
      ]),
    { timeout: 10_000 },
  )
  const params = { project: project.project.id, feature: often.id }
  const query = { environment_id: project.environment.id }
  const days = await usageOf(project).ofFeature({ params, query })
  expect(days).toEqual([{ day: expect.any(String), hour: null, count: 42 }])
  const march = { ...query, from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z', interval: 'hour' as const }
  expect(await usageOf(project).ofFeature({ params, query: march })).toEqual([
    { day: '2026-03-01', hour: '2026-03-01T10:00:00.000Z', count: 5 },
  ])
})

test('the evaluations of a feature are those of its own project', async () => {
  const [project, other] = [await server.makeProject(), await server.makeProject()]
  const [feature, foreign] = [await makeFeature(project, 'mine'), await makeFeature(other, 'theirs')]
  const ask = (params: { project: number; feature: number }) =>
    server.send(
      'GET',
      `/api/v1/projects/${params.project}/features/${params.feature}/evaluation-data/?environment_id=${project.environment.id}`,
      {
        authorization: project.authorization,
      },
    )
  expect((await ask({ project: project.project.id, feature: feature.id })).status).toBe(200)
  expect((await ask({ project: project.project.id, feature: foreign.id })).status).toBe(404)
  expect((await ask({ project: other.project.id, feature: foreign.id })).status).toBe(404)
})

test('the first request of an SDK is announced once, with its name', async () => {
  const project = await server.makeProject()
  expect(await usageOf(project).onboardingStatus(atEnvironment(project))).toEqual({
    first_evaluated_at: null,
    first_evaluated_sdk_label: null,
  })
  await askForFlags(project, 1, 'flagsmith-nodejs-sdk/9.0.0')
  await vi.waitFor(
    async () =>
      expect(await usageOf(project).onboardingStatus(atEnvironment(project))).toEqual({
        first_evaluated_at: expect.any(String),
        first_evaluated_sdk_label: 'flagsmith-nodejs-sdk/9.0.0',
      }),
    { timeout: 10_000 },
  )
  await askForFlags(project, 1, 'another-sdk/1.0.0')
  await vi.waitFor(async () => expect(await usageOf(project).totalOfOrganisation(atOrganisation(project))).toEqual({ count: 2 }), {
    timeout: 10_000,
  })
  const announced = await server.control.db
    .selectFrom('changes')
    .select(['actor_kind', 'actor_name', 'after'])
    .where('type', '=', 'environment.first_evaluated')
    .where('environment_id', '=', project.environment.id)
    .execute()
  expect(announced).toMatchObject([{ actor_kind: 'system', actor_name: 'SDK', after: { sdk_label: 'flagsmith-nodejs-sdk/9.0.0' } }])
})
