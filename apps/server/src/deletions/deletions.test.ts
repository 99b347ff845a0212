import { api } from '@halyard/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { startServer, type TestServer } from '../testing/start-server.ts'
import { purgeDeleted } from './purge-deleted.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const flags = z.object({
  flags: z.array(z.object({ enabled: z.boolean(), feature_state_value: z.unknown(), feature: z.object({ name: z.string() }) })),
})
const identifiers = Array.from({ length: 20 }, (_, index) => `visitor-${index}`)

/** A project with variants, overrides of segments and identities, and identities that were seen. */
async function startPopulated() {
  const made = await server.makeProject()
  const { authorization, project, environment, organisation } = made
  const as = <const Noun extends keyof typeof api>(noun: Noun) => server.as(authorization, api[noun])
  const params = { project: project.id }
  const inEnvironment = { environment_key: environment.api_key }
  const button = await as('features').create({
    params,
    body: {
      name: 'button',
      default_enabled: true,
      initial_value: 'grey',
      multivariate_options: [
        { string_value: 'red', default_percentage_allocation: 40 },
        { string_value: 'blue', default_percentage_allocation: 40 },
      ],
    },
  })
  const segments = []
  for (const plan of ['gold', 'silver', 'bronze']) {
    const rule = { type: 'ALL', conditions: [{ operator: 'EQUAL', property: plan, value: 'yes' }] } as const
    const segment = await as('segments').create({ params, body: { name: plan, rules: [rule] } })
    await as('featureSegments').createOverride({
      params: { ...inEnvironment, feature: button.id },
      body: { feature_segment: { segment: segment.id }, enabled: true, feature_state_value: { type: 'unicode', string_value: plan } },
    })
    segments.push(segment)
  }
  const identify = async (identifier: string, traits: Record<string, string> = {}) => {
    const { status, body } = await server.send('POST', '/api/v1/identities/', {
      headers: { 'x-environment-key': environment.api_key },
      body: { identifier, traits: Object.entries(traits).map(([key, value]) => ({ trait_key: key, trait_value: value })) },
    })
    return status === 200 ? flags.parse(body).flags : status
  }
  const special = await as('identities').create({ params: inEnvironment, body: { identifier: 'special' } })
  await as('identityOverrides').create({
    params: { ...inEnvironment, identity: special.id },
    body: { feature: button.id, enabled: false, feature_state_value: 'mine' },
  })
  const seeAll = async () => [
    ...(await Promise.all([...identifiers, 'special'].map((identifier) => identify(identifier)))),
    await identify('rich', { gold: 'yes', silver: 'yes' }),
    await identify('poor', { silver: 'yes', bronze: 'yes' }),
  ]
  return { ...made, as, params, inEnvironment, organisation, button, segments, identify, seeAll }
}

const inDays = (days: number) => new Date(Date.now() + days * 24 * 60 * 60 * 1000)

test('a restored feature has its states, overrides and variants, and everybody gets what they got', async () => {
  const { as, params, button, seeAll } = await startPopulated()
  const before = await seeAll()
  await as('features').delete({ params: { ...params, feature: button.id } })
  expect(new Set((await seeAll()).flat())).toEqual(new Set())
  const { results } = await as('deletions').listOfProject({ params })
  expect(results).toEqual([
    {
      kind: 'feature',
      id: button.id,
      uuid: button.uuid,
      name: 'button',
      deleted_at: expect.stringMatching(/Z$/),
      deleted_by: 'Ada Tester',
      restorable_until: expect.stringMatching(/Z$/),
    },
  ])
  const restored = await as('deletions').restoreFeature({ params: { ...params, id: button.id }, body: {} })
  expect(restored).toEqual({ kind: 'feature', id: button.id, uuid: button.uuid, name: 'button' })
  expect(await seeAll()).toEqual(before)
  const { multivariate_options: variants } = await as('features').get({ params: { ...params, feature: button.id } })
  expect(variants).toEqual(button.multivariate_options)
  expect((await as('deletions').listOfProject({ params })).count).toBe(0)
})

test('a restored environment has its keys, identities and flags, and the features that were made meanwhile', async () => {
  const { as, params, environment, serverKey, seeAll, identify, inEnvironment } = await startPopulated()
  const before = await seeAll()
  const ask = async (path: string, key: string) =>
    (await server.send('GET', `/api/v1/${path}/`, { headers: { 'x-environment-key': key } })).status
  await as('environments').delete({ params: inEnvironment })
  expect([await ask('flags', environment.api_key), await ask('environment-document', serverKey)]).toEqual([403, 403])
  await as('features').create({ params, body: { name: 'later', default_enabled: true } })
  await as('deletions').restoreEnvironment({ params: { ...params, id: environment.id }, body: {} })
  expect([await ask('flags', environment.api_key), await ask('environment-document', serverKey)]).toEqual([200, 200])
  const later = expect.objectContaining({ feature: { name: 'later' }, enabled: true })
  expect(await seeAll()).toEqual(before.map((flags) => (Array.isArray(flags) ? [...flags, later] : flags)))
  expect(await identify('rich')).toMatchObject([{ feature_state_value: 'gold' }, { enabled: true }])
})

test('a restored project serves again what it served', async () => {
  const { as, organisation, project, seeAll, identify } = await startPopulated()
  const before = await seeAll()
  await as('projects').delete({ params: { project: project.id } })
  expect(await identify('visitor-1')).toBe(403)
  const { results } = await as('deletions').listOfOrganisation({ params: { organisation: organisation.id } })
  expect(results).toMatchObject([{ kind: 'project', id: project.id, name: 'Shop', deleted_by: 'Ada Tester' }])
  await as('deletions').restoreProject({ params: { organisation: organisation.id, id: project.id }, body: {} })
  expect(await seeAll()).toEqual(before)
})

test.each([0, 1, 2])('a restored segment overrides again, at its place among three (%i)', async (place) => {
  const { as, params, segments, button, environment, seeAll } = await startPopulated()
  const before = await seeAll()
  const places = async () =>
    (await as('featureSegments').list({ query: { environment: environment.id, feature: button.id } })).results.map((each) => [
      each.id,
      each.segment,
      each.priority,
    ])
  const placesBefore = await places()
  const segment = segments[place]
  if (!segment) throw new Error('There are three segments.')
  await as('segments').delete({ params: { ...params, segment: segment.id }, query: { force: 'true' } })
  expect(await places()).toHaveLength(2)
  await as('deletions').restoreSegment({ params: { ...params, id: segment.id }, body: {} })
  expect(await places()).toEqual(placesBefore)
  expect(await seeAll()).toEqual(before)
})

test('a name that is taken by now is refused with the way out', async () => {
  const { as, params, button } = await startPopulated()
  await as('features').delete({ params: { ...params, feature: button.id } })
  const { id } = await as('features').create({ params, body: { name: 'Button' } })
  const restore = (name?: string) => as('deletions').restoreFeature({ params: { ...params, id: button.id }, body: { name } })
  await expect(restore()).rejects.toMatchObject({
    status: 400,
    errors: {
      name: [
        `Another feature is named “Button” by now (id ${id}): rename that one, or restore this one under another name with {"name": "…"}.`,
      ],
    },
  })
  expect(await restore('old button')).toMatchObject({ id: button.id, name: 'old button' })
  await expect(restore('again')).rejects.toMatchObject({ status: 404 })
})

test('many features are restored at once, or none', async () => {
  const { as, params } = await startPopulated()
  const [one, other] = [
    await as('features').create({ params, body: { name: 'one' } }),
    await as('features').create({ params, body: { name: 'other' } }),
  ]
  const features = [one.id, other.id]
  await as('features').deleteMany({ params, body: { features } })
  await as('features').create({ params, body: { name: 'OTHER' } })
  await expect(as('deletions').restoreFeatures({ params, body: { features } })).rejects.toMatchObject({ status: 400 })
  expect((await as('deletions').listOfProject({ params })).count).toBe(2)
  expect(await as('deletions').restoreFeatures({ params, body: { features: [one.id] } })).toMatchObject([{ id: one.id }])
})

test('what is not restored in 30 days is purged, with its identities and nothing else', async () => {
  const { as, params, organisation, environment, button, segments, authorization, project } = await startPopulated()
  const staging = await as('environments').create({ body: { name: 'Staging', project: project.id } })
  const kept = await as('features').create({ params, body: { name: 'kept', default_enabled: true } })
  const [gold] = segments
  await as('environments').delete({ params: { environment_key: environment.api_key } })
  await as('features').delete({ params: { ...params, feature: button.id } })
  await as('segments').delete({ params: { ...params, segment: gold?.id ?? 0 } })
  const countsOf = async () =>
    Promise.all(
      (['identity_searches', 'identity_search_queue', 'identity_keys'] as const).map(
        async (table) =>
          (await server.control.db.selectFrom(table).select('identifier').where('environment_id', '=', environment.id).execute()).length,
      ),
    )
  await vi.waitFor(async () => expect(await countsOf()).toEqual([1, 0, 1]), 20_000)
  const rowsOf = async () => ({
    identities: (
      await server.runtime.identities.db.selectFrom('identities').selectAll().where('environment_id', '=', environment.id).execute()
    ).length,
    overrides: (await server.control.db.selectFrom('feature_states').selectAll().where('environment_id', '=', environment.id).execute())
      .length,
    states: (await server.control.db.selectFrom('feature_states').selectAll().where('feature_id', '=', button.id).execute()).length,
  })
  await purgeDeleted(server.runtime, inDays(29))
  expect(await rowsOf()).toEqual({ identities: 1, overrides: 6, states: 6 })
  expect((await as('deletions').listOfProject({ params })).count).toBe(3)

  await sql`insert into identity_search_queue values (${environment.id}, 1, 'gone already')`.execute(server.control.db)
  await purgeDeleted(server.runtime, inDays(31))
  expect(await countsOf()).toEqual([0, 0, 0])
  expect(await rowsOf()).toEqual({ identities: 0, overrides: 0, states: 0 })
  expect((await as('deletions').listOfProject({ params })).count).toBe(0)
  const purged = await server.control.db
    .selectFrom('changes')
    .select(['type', 'subject_id', 'actor_kind', 'actor_name'])
    .where('project_id', '=', project.id)
    .where('type', 'like', '%.purged')
    .orderBy('id')
    .execute()
  const by = { actor_kind: 'system', actor_name: 'purge_deleted' }
  expect(purged).toEqual([
    { type: 'environment.purged', subject_id: String(environment.id), ...by },
    { type: 'environment.purged', subject_id: String(environment.id), ...by },
    { type: 'feature.purged', subject_id: String(button.id), ...by },
    { type: 'segment.purged', subject_id: String(gold?.id), ...by },
  ])
  expect(await as('features').list({ params })).toMatchObject({ count: 1, results: [{ id: kept.id }] })
  const served = await server.send('GET', '/api/v1/flags/', { headers: { 'x-environment-key': staging.api_key } })
  expect(served.body).toMatchObject([{ feature: { name: 'kept' }, enabled: true }])
  // The key of what is gone is given to nobody.
  const again = await server.send('PATCH', `/api/v1/environments/${staging.api_key}/`, {
    authorization,
    body: { api_key: environment.api_key },
  })
  expect(again).toMatchObject({ status: 400, body: { api_key: [expect.stringContaining('had it before')] } })

  await as('projects').delete({ params })
  await purgeDeleted(server.runtime, inDays(31))
  expect(await server.control.db.selectFrom('projects').selectAll().where('id', '=', project.id).execute()).toEqual([])
  await expect(
    as('deletions').restoreProject({ params: { organisation: organisation.id, id: project.id }, body: {} }),
  ).rejects.toMatchObject({ status: 404 })
})

test('a deletion has its purge waiting for when it can no longer be restored', async () => {
  const { as, params, button } = await startPopulated()
  await as('features').delete({ params: { ...params, feature: button.id } })
  const { deleted_at: deletedAt } = await server.control.db
    .selectFrom('features')
    .select('deleted_at')
    .where('id', '=', button.id)
    .executeTakeFirstOrThrow()
  const jobs = await server.control.db.selectFrom('jobs').select(['name', 'run_at']).where('name', '=', 'purge_deleted').execute()
  const due = (deletedAt?.getTime() ?? 0) + 30 * 24 * 60 * 60 * 1000
  expect(jobs.map((job) => job.run_at.getTime())).toContain(due)
})
