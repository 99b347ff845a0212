import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { system } from '../access/actor.ts'
import { runEdit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const text = (value: string) => ({ type: 'unicode' as const, string_value: value })

async function startVersions({ v2 = true } = {}) {
  const { authorization, project, environment } = await server.makeProject()
  const inProject = { project: project.id }
  const feature = await server.as(authorization, api.features).create({ params: inProject, body: { name: 'beta', initial_value: 'one' } })
  const versions = server.as(authorization, api.featureVersions)
  const draftStates = server.as(authorization, api.versionStates)
  const scheduled = server.as(authorization, api.scheduledChanges)
  const versioning = server.as(authorization, api.versioning)
  const byKey = { environment_key: environment.api_key }
  if (v2) await versioning.enable({ params: byKey })
  const makeSegment = async (name: string) =>
    (await server.as(authorization, api.segments).create({ params: inProject, body: { name, rules: [{ type: 'ALL' }] } })).id
  const served = async () => {
    const headers = { 'x-environment-key': environment.api_key }
    const { body } = await server.send('POST', '/api/v1/identities/', { headers, body: { identifier: 'ada' } })
    return body
  }
  const params = { environment: environment.id, feature: feature.id }
  const at = (uuid: string) => ({ ...params, uuid })
  const states = server.as(authorization, api.featureStates)
  return {
    authorization,
    project,
    environment,
    feature,
    versions,
    draftStates,
    scheduled,
    versioning,
    byKey,
    params,
    at,
    makeSegment,
    served,
    states,
    inProject,
  }
}

const later = (ms: number) => new Date(Date.now() + ms).toISOString()
const soon = { timeout: 5000, interval: 20 }

const changesOf = (uuid: string) =>
  server.control.db.selectFrom('changes').selectAll().where('subject_id', '=', uuid).orderBy('id').execute()

test('a draft changes nothing until it is published, and then all it says at once', async () => {
  const { versions, draftStates, params, at, makeSegment, served, states, byKey } = await startVersions()
  const segment = await makeSegment('Staff')
  const draft = await versions.create({
    params,
    body: {
      feature_states_to_update: [{ feature_segment: null, enabled: true, feature_state_value: text('two') }],
      feature_states_to_create: [{ feature_segment: { segment, priority: 0 }, enabled: true, feature_state_value: text('staff') }],
      description: 'Launch',
    },
  })
  expect(draft).toMatchObject({ published: false, is_live: false, number: null, live_from: null, description: 'Launch' })
  expect(await served()).toMatchObject({ flags: [{ enabled: false, feature_state_value: 'one' }] })
  const drafted = await draftStates.list({ params: at(draft.uuid) })
  expect(drafted).toMatchObject([
    { feature_segment: null, enabled: true, feature_state_value: { string_value: 'two' } },
    { feature_segment: { segment, priority: 0 }, enabled: true, feature_state_value: { string_value: 'staff' } },
  ])
  const [, override] = drafted
  await draftStates.update({
    params: { ...at(draft.uuid), feature_state: override?.id ?? 0 },
    body: { feature_state_value: text('crew') },
  })
  const published = await versions.publish({ params: at(draft.uuid), body: {} })
  expect(published).toMatchObject({ uuid: draft.uuid, published: true, is_live: true, number: 2, live_from: expect.any(String) })
  expect(await served()).toMatchObject({ flags: [{ enabled: true, feature_state_value: 'crew' }] })
  // The ids that the draft showed are those that count: they are the seeds of who gets which variant.
  const live = await draftStates.list({ params: at(draft.uuid) })
  expect(live.map(({ id }) => id)).toEqual(drafted.map(({ id }) => id))
  const { results } = await states.list({ params: byKey })
  expect(results).toMatchObject([{ environment_feature_version: draft.uuid, version: 2 }])
  expect((await changesOf(draft.uuid)).map(({ type }) => type)).toEqual([
    'feature_version.created',
    'feature_version.updated',
    'feature_version.published',
  ])
})

test('versions are listed newest first, with what each of them changed', async () => {
  const { versions, params, at, feature } = await startVersions()
  const publish = (value: string) =>
    versions.create({
      params,
      body: { feature_states_to_update: [{ feature_segment: null, feature_state_value: text(value) }], publish_immediately: true },
    })
  const two = await publish('two')
  const three = await publish('three')
  const draft = await versions.create({ params, body: {} })
  const { results, count } = await versions.list({ params })
  expect({ count, uuids: results.map(({ uuid }) => uuid).slice(0, 3) }).toEqual({ count: 4, uuids: [draft.uuid, three.uuid, two.uuid] })
  expect((await versions.list({ params, query: { is_live: 'false' } })).results.map(({ uuid }) => uuid)).toEqual([draft.uuid])
  expect(await versions.getByUuid({ params: { uuid: three.uuid } })).toMatchObject({
    feature: feature.id,
    previous_version_uuid: two.uuid,
    author: 'Ada Tester',
    created_by: expect.any(Number),
    published_by: expect.any(Number),
  })
  expect(await versions.diff({ params: at(three.uuid) })).toMatchObject([
    {
      segment_id: null,
      before: { feature_state_value: { string_value: 'two' } },
      after: { feature_state_value: { string_value: 'three' } },
    },
  ])
  const first = results[3]?.uuid ?? ''
  expect(await versions.diff({ params: at(three.uuid), query: { against: first } })).toMatchObject([
    { before: { feature_state_value: { string_value: 'one' } }, after: { feature_state_value: { string_value: 'three' } } },
  ])
  expect(await versions.diff({ params: at(draft.uuid) })).toEqual([])
})

test('any version can be restored, with its overrides, their order and their ids', async () => {
  const { versions, draftStates, params, at, makeSegment, states, byKey, authorization, environment } = await startVersions({ v2: false })
  const places = server.as(authorization, api.featureSegments)
  const inFeature = { environment_key: environment.api_key, feature: params.feature }
  const add = async (name: string) =>
    places.createOverride({
      params: inFeature,
      body: { feature_segment: { segment: await makeSegment(name), priority: 0 }, enabled: true },
    })
  const [one, two] = [await add('One'), await add('Two')]
  const [good] = (await versions.list({ params })).results
  await places.delete({ params: { feature_segment: one.feature_segment.id } })
  const [state] = (await states.list({ params: byKey })).results
  await states.update({ params: { ...byKey, feature_state: state?.id ?? 0 }, body: { enabled: true, feature_state_value: 'bad' } })
  await add('Three')
  const restored = await versions.restore({ params: at(good?.uuid ?? ''), body: {} })
  expect(restored).toMatchObject({ is_live: true, description: `Restored version ${good?.number}.` })
  const shown = await draftStates.list({ params: at(restored.uuid) })
  expect(shown).toMatchObject([
    { enabled: false, feature_state_value: { string_value: 'one' } },
    { id: two.id, feature_segment: { priority: 0, id: two.feature_segment.id } },
    { id: one.id, feature_segment: { priority: 1, id: one.feature_segment.id } },
  ])
  expect(await versions.diff({ params: at(restored.uuid), query: { against: good?.uuid } })).toEqual([])
})

test('what is live cannot be changed or deleted, and what is not can', async () => {
  const { versions, draftStates, params, at, makeSegment } = await startVersions()
  const live = await versions.create({ params, body: { publish_immediately: true } })
  await expect(versions.delete({ params: at(live.uuid) })).rejects.toMatchObject({ status: 400 })
  const segment = await makeSegment('Staff')
  const create = draftStates.create({ params: at(live.uuid), body: { feature_segment: { segment } } })
  await expect(create).rejects.toMatchObject({ status: 400, message: expect.stringContaining('Cannot modify published version.') })
  const draft = await versions.create({ params, body: {} })
  const added = await draftStates.create({ params: at(draft.uuid), body: { feature_segment: { segment } } })
  await draftStates.delete({ params: { ...at(draft.uuid), feature_state: added.id } })
  expect(await draftStates.list({ params: at(draft.uuid) })).toHaveLength(1)
  await versions.delete({ params: at(draft.uuid) })
  await expect(versions.get({ params: at(draft.uuid) })).rejects.toMatchObject({ status: 404 })
})

test('an environment with versions refuses direct writes, and takes them again once versions are off', async () => {
  const { versioning, states, byKey, params, makeSegment, authorization, environment } = await startVersions()
  const [state] = (await states.list({ params: byKey })).results
  const path = `/api/v1/environments/${environment.api_key}/featurestates/${state?.id}/`
  const write = () => server.send('PATCH', path, { authorization, body: { enabled: true } })
  const refused = { status: 400, body: { detail: expect.any(String), code: 'direct_feature_state_write_not_allowed' } }
  expect(await write()).toMatchObject(refused)
  const segment = await makeSegment('Staff')
  const places = '/api/v1/features/feature-segments/'
  expect(await server.send('POST', places, { authorization, body: { ...params, segment } })).toMatchObject(refused)
  await expect(versioning.enable({ params: byKey })).rejects.toMatchObject({ status: 400 })
  await versioning.disable({ params: byKey })
  expect((await write()).status).toBe(200)
  await expect(versioning.disable({ params: byKey })).rejects.toMatchObject({ status: 400 })
})

test('a scheduled change goes live when it is due, once, by an edit of the scheduler', async () => {
  const { versions, scheduled, params, at, served, byKey, environment } = await startVersions({ v2: false })
  const due = later(700)
  const waiting = await scheduled.create({ params, body: { live_from: due, environment_default: { enabled: true } } })
  expect(waiting).toMatchObject({ is_live: false, is_scheduled: true, live_from: due, published: true })
  expect((await scheduled.list({ params: byKey })).results).toMatchObject([{ uuid: waiting.uuid }])
  expect(await served()).toMatchObject({ flags: [{ enabled: false }] })
  await expect.poll(served, soon).toMatchObject({ flags: [{ enabled: true }] })
  const live = await versions.get({ params: at(waiting.uuid) })
  expect(live).toMatchObject({ is_live: true, is_scheduled: false, number: 2 })
  // Never early, and within a second, by the database’s clock.
  const waited = Date.parse(live.live_from ?? '') - Date.parse(due)
  expect(waited).toBeGreaterThanOrEqual(0)
  expect(waited).toBeLessThan(1000)
  expect((await scheduled.list({ params: byKey })).count).toBe(0)
  const published = await changesOf(waiting.uuid)
  expect(published.map(({ type, actor_name: actor }) => `${type} by ${actor}`)).toEqual([
    'feature_version.scheduled by Ada Tester',
    'feature_version.published by scheduler',
  ])
  expect(published[1]).toMatchObject({ environment_id: environment.id, at: new Date(live.live_from ?? '') })
})

test('what waits can be moved and cancelled', async () => {
  const { versions, scheduled, params, at, served } = await startVersions({ v2: false })
  const first = await scheduled.create({ params, body: { live_from: later(60_000), environment_default: { enabled: true } } })
  const moved = later(300)
  expect(await versions.update({ params: at(first.uuid), body: { live_from: moved } })).toMatchObject({ live_from: moved })
  await expect.poll(served, soon).toMatchObject({ flags: [{ enabled: true }] })
  const second = await scheduled.create({ params, body: { live_from: later(60_000), environment_default: { enabled: false } } })
  await versions.delete({ params: at(second.uuid) })
  await expect(versions.get({ params: at(second.uuid) })).rejects.toMatchObject({ status: 404 })
  const past = scheduled.create({ params, body: { live_from: later(-1000), environment_default: { enabled: false } } })
  await expect(past).rejects.toMatchObject({ status: 400, errors: { live_from: [expect.stringContaining('past')] } })
})

test('a draft does not overwrite what others published meanwhile unless it is said to', async () => {
  const { versions, params, at, states, byKey, makeSegment } = await startVersions()
  const setDefault = (value: string) => ({ feature_states_to_update: [{ feature_segment: null, feature_state_value: text(value) }] })
  const draft = await versions.create({ params, body: setDefault('mine') })
  const segment = await makeSegment('Staff')
  const apart = await versions.create({ params, body: { feature_states_to_create: [{ feature_segment: { segment } }] } })
  const theirs = await versions.create({ params, body: { ...setDefault('theirs'), publish_immediately: true } })
  // What they changed is not what this one changes.
  await versions.publish({ params: at(apart.uuid), body: {} })
  const path = `/api/v1/environments/${params.environment}/features/${params.feature}/versions/${draft.uuid}/publish/`
  const authorization = (await startVersions()).authorization
  expect((await server.send('POST', path, { authorization, body: {} })).status).toBe(404)
  await expect(versions.publish({ params: at(draft.uuid), body: {} })).rejects.toMatchObject({
    status: 409,
    errors: {
      code: 'conflicts',
      conflicts: [{ segment_id: null, is_environment_default: true, version: theirs.uuid, author: 'Ada Tester' }],
    },
  })
  await versions.publish({ params: at(draft.uuid), body: { ignore_conflicts: true } })
  expect((await states.list({ params: byKey })).results).toMatchObject([{ feature_state_value: 'mine' }])
})

test('a schedule that conflicts is refused at save and when it is due, and its author told', async () => {
  const { versions, scheduled, params, at, states, byKey, served } = await startVersions({ v2: false })
  const schedule = (ms: number, enabled: boolean, ignore = false) =>
    scheduled.create({ params, body: { live_from: later(ms), environment_default: { enabled }, ignore_conflicts: ignore } })
  const waiting = await schedule(60_000, true)
  await expect(schedule(120_000, false)).rejects.toMatchObject({ status: 409, errors: { conflicts: [{ version: waiting.uuid }] } })
  const [state] = (await states.list({ params: byKey })).results
  await states.update({ params: { ...byKey, feature_state: state?.id ?? 0 }, body: { feature_state_value: 'changed' } })
  await versions.update({ params: at(waiting.uuid), body: { live_from: later(100) } })
  const refused = () => versions.get({ params: at(waiting.uuid) }).then(({ refusal }) => refusal)
  await expect.poll(refused, soon).toMatchObject({ conflicts: [{ is_environment_default: true, author: 'Ada Tester' }] })
  expect(await served()).toMatchObject({ flags: [{ enabled: false, feature_state_value: 'changed' }] })
  expect((await changesOf(waiting.uuid)).at(-1)).toMatchObject({ type: 'feature_version.refused', actor_kind: 'system' })
  expect((await scheduled.list({ params: byKey })).results).toMatchObject([{ uuid: waiting.uuid, is_scheduled: false }])
  expect(await versions.publish({ params: at(waiting.uuid), body: { ignore_conflicts: true } })).toMatchObject({
    is_live: true,
    refusal: null,
  })
  expect(await served()).toMatchObject({ flags: [{ enabled: true }] })
})

test.each(['feature', 'environment'])('what was due while its %s was deleted goes live when that is restored', async (what) => {
  const { versions, scheduled, params, at, authorization, inProject, byKey, environment, feature } = await startVersions()
  const waiting = await scheduled.create({ params, body: { live_from: later(3_600_000), environment_default: { enabled: true } } })
  const isFeature = what === 'feature'
  if (isFeature) await server.as(authorization, api.features).delete({ params: { ...inProject, feature: feature.id } })
  else await server.as(authorization, api.environments).delete({ params: byKey })
  const options = { actor: system('tests'), lock: { on: 'project', id: inProject.project } } as const
  await runEdit(server.control, options, async (edit) => {
    await edit.tx.updateTable('feature_versions').set({ live_from: edit.at }).where('uuid', '=', waiting.uuid).execute()
    await recordChange(edit, {
      type: 'feature_version.updated',
      environment: { id: environment.id, project_id: inProject.project },
      subject: waiting.uuid,
    })
  })
  const deleted = server.as(authorization, api.deletions)
  if (isFeature) await deleted.restoreFeature({ params: { ...inProject, id: feature.id }, body: {} })
  else await deleted.restoreEnvironment({ params: { ...inProject, id: environment.id }, body: {} })
  await expect.poll(() => versions.get({ params: at(waiting.uuid) }), soon).toMatchObject({ is_live: true, number: 2 })
})

test('of two hundred who publish the same draft one does', async () => {
  const { versions, params, at } = await startVersions()
  const draft = await versions.create({ params, body: { feature_states_to_update: [{ feature_segment: null, enabled: true }] } })
  const publish = () =>
    versions.publish({ params: at(draft.uuid), body: {} }).then(
      () => 'published',
      (error: { status: number }) => error.status,
    )
  const answers = await Promise.all(Array.from({ length: 200 }, publish))
  expect(answers.filter((answer) => answer === 'published')).toHaveLength(1)
  // Refused, or sent away unheard by a server that has too much to do.
  expect(new Set(answers.filter((answer) => answer !== 'published' && answer !== 503))).toEqual(new Set([400]))
  expect((await changesOf(draft.uuid)).filter(({ type }) => type === 'feature_version.published')).toHaveLength(1)
})

test('a version belongs to its feature and its environment', async () => {
  const { versions, params, at, project, authorization } = await startVersions()
  const draft = await versions.create({ params, body: {} })
  const staging = await server.as(authorization, api.environments).create({ body: { name: 'Staging', project: project.id } })
  const other = await server.as(authorization, api.features).create({ params: { project: project.id }, body: { name: 'other' } })
  for (const wrong of [
    { ...at(draft.uuid), environment: staging.id },
    { ...at(draft.uuid), feature: other.id },
  ])
    await expect(versions.get({ params: wrong })).rejects.toMatchObject({ status: 404 })
})
