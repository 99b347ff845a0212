import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { makeMember } from '../testing/matrix/fixture.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

// A server of the year after: whatever is made now was made long ago for it.
const nextYear = () => new Date(Date.now() + 365.5 * 86_400_000)

let server: TestServer
beforeAll(async () => {
  server = await startServer({ sessionDays: 1000, sessionIdleHours: 24_000 }, nextYear)
})
afterAll(() => server.close())

type Project = Awaited<ReturnType<TestServer['makeProject']>>

const listStale = async ({ authorization, project }: Project) =>
  (await server.as(authorization, api.staleFeatures).list({ params: { project: project.id } })).results

const makeFeature = ({ authorization, project }: Project, name: string, rest: { default_enabled?: boolean; tags?: number[] } = {}) =>
  server.as(authorization, api.features).create({ params: { project: project.id }, body: { name, ...rest } })

test('a feature that is the same for everyone in every environment can be built in', async () => {
  const project = await server.makeProject()
  const feature = await makeFeature(project, 'old', { default_enabled: true })
  expect(await listStale(project)).toEqual([
    {
      feature: { id: feature.id, name: 'old' },
      unchanged_since: expect.any(String),
      verdict: 'inline',
      evidence: [
        'Unchanged in every environment for 365 days.',
        'No environment reports evaluations, so whether it is used is unknown: enable analytics in the SDKs.',
        'On or off and with the same value for everyone in every environment.',
      ],
      environments: [
        {
          id: project.environment.id,
          name: 'Production',
          api_key: project.environment.api_key,
          enabled: true,
          feature_state_value: null,
          unchanged_since: expect.any(String),
          same_for_everyone: true,
          evaluations_reported: false,
          last_evaluated_at: null,
        },
      ],
    },
  ])
})

test('where evaluations are reported, a feature that has none can go, and one that has some is watched', async () => {
  const project = await server.makeProject()
  const { authorization, environment } = project
  const [used] = [await makeFeature(project, 'used'), await makeFeature(project, 'unused')]
  const segment = await server.as(authorization, api.segments).create({
    params: { project: project.project.id },
    body: { name: 'staff', rules: [{ type: 'ALL', conditions: [{ operator: 'IS_SET', property: 'staff', value: null }], rules: [] }] },
  })
  await server.as(authorization, api.featureSegments).createOverride({
    params: { environment_key: environment.api_key, feature: used.id },
    body: { feature_segment: { segment: segment.id }, enabled: true },
  })
  await server.send('POST', '/api/v1/analytics/flags/', { headers: { 'x-environment-key': environment.api_key }, body: { used: 3 } })
  await vi.waitFor(
    async () => {
      const stale = await listStale(project)
      expect(stale.map(({ feature, verdict, evidence }) => [feature.name, verdict, evidence[1]])).toEqual([
        ['unused', 'remove', 'Not evaluated for 30 days in “Production”, where evaluations are reported.'],
        ['used', 'watch', 'Evaluated within 30 days in “Production”.'],
      ])
      expect(stale.map(({ environments }) => environments[0]?.same_for_everyone)).toEqual([true, false])
    },
    { timeout: 10_000 },
  )
})

test('what changed within the limit, is archived, deleted or permanent is not stale', async () => {
  const project = await server.makeProject()
  const { authorization } = project
  const params = { project: project.project.id }
  const tag = await server.as(authorization, api.tags).create({ params, body: { label: 'kill switch', is_permanent: true } })
  await makeFeature(project, 'permanent', { tags: [tag.id] })
  const features = server.as(authorization, api.features)
  const [archived, deleted] = [await makeFeature(project, 'archived'), await makeFeature(project, 'deleted')]
  await features.update({ params: { ...params, feature: archived.id }, body: { is_archived: true } })
  await features.delete({ params: { ...params, feature: deleted.id } })
  expect(await listStale(project)).toEqual([])
  await makeFeature(project, 'stale')
  expect(await listStale(project)).toHaveLength(1)
  await server.as(authorization, api.projects).update({ params, body: { stale_flags_limit_days: 400 } })
  expect(await listStale(project)).toEqual([])
})

test('who sees the project is told of the environments that they see', async () => {
  const project = await server.makeProject()
  await makeFeature(project, 'old')
  const authorization = await makeMember(server, project.organisation)
  const { id: user } = await server.as(authorization, api.users).me({})
  const params = { project: project.project.id }
  await server.as(project.authorization, api.projectUserPermissions).create({ params, body: { user, permissions: ['VIEW_PROJECT'] } })
  expect(await listStale({ ...project, authorization })).toMatchObject([{ feature: { name: 'old' }, environments: [] }])
})
