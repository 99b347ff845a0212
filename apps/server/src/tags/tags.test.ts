import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

// Not those of SDKs and jobs, which come when they come.
const lastChange = () =>
  server.control.db
    .selectFrom('changes')
    .selectAll()
    .where('actor_kind', '<>', 'system')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()

async function startTags() {
  const { authorization, project } = await server.makeProject()
  return {
    authorization,
    project,
    params: { project: project.id },
    tags: server.as(authorization, api.tags),
    path: `/api/v1/projects/${project.id}/tags/`,
  }
}

test('a tag has a label, and the rest has defaults', async () => {
  const { tags, params, project } = await startTags()
  const created = await tags.create({ params, body: { label: 'Checkout' } })
  expect(created).toEqual({
    id: expect.any(Number),
    uuid: expect.any(String),
    label: 'Checkout',
    color: '#6837FC',
    description: null,
    project: project.id,
    is_permanent: false,
    is_system_tag: false,
    type: 'NONE',
  })
  expect(await lastChange()).toMatchObject({ type: 'tag.created', project_id: project.id, subject_id: String(created.id) })
  expect(await tags.list({ params })).toEqual({ count: 1, next: null, previous: null, results: [created] })
  expect(await tags.get({ params: { ...params, tag: created.id } })).toEqual(created)
  expect(await tags.getByUuid({ params: { ...params, uuid: created.uuid } })).toEqual(created)
})

test('fields that are absent stay, and what only the platform says is ignored', async () => {
  const { tags, params, authorization, path } = await startTags()
  const { id } = await tags.create({ params, body: { label: 'Ops', color: 'red', description: 'Switches', is_permanent: true } })
  const { body } = await server.send('PATCH', `${path}${id}/`, {
    authorization,
    body: { label: 'Operations', is_system_tag: true, type: 'STALE', project: 1 },
  })
  expect(body).toMatchObject({
    label: 'Operations',
    color: 'red',
    description: 'Switches',
    is_permanent: true,
    is_system_tag: false,
    type: 'NONE',
    project: params.project,
  })
  expect(await lastChange()).toMatchObject({ type: 'tag.updated', before: { label: 'Ops' }, after: { label: 'Operations' } })
  expect((await server.send('PUT', `${path}${id}/`, { authorization, body: { color: 'blue' } })).body).toEqual({
    label: ['This field is required.'],
  })
  expect(await tags.replace({ params: { ...params, tag: id }, body: { label: 'Ops', description: null } })).toMatchObject({
    label: 'Ops',
    color: 'red',
    description: null,
  })
})

test('a deleted tag is gone', async () => {
  const { tags, params } = await startTags()
  const { id, uuid } = await tags.create({ params, body: { label: 'Old' } })
  await tags.delete({ params: { ...params, tag: id } })
  expect(await lastChange()).toMatchObject({ type: 'tag.deleted', before: { label: 'Old' } })
  await expect(tags.get({ params: { ...params, tag: id } })).rejects.toMatchObject({ status: 404 })
  await expect(tags.getByUuid({ params: { ...params, uuid } })).rejects.toMatchObject({ status: 404 })
})

test('system tags are neither changed nor deleted by people', async () => {
  const { authorization, project, path } = await startTags()
  const { id } = await server.control.transaction(async (tx) => {
    const at = new Date()
    const tag = { project_id: project.id, label: 'Stale', color: '#000000', is_system_tag: true, type: 'STALE', created_at: at }
    await tx
      .insertInto('changes')
      .values({ at, type: 'tag.created', project_id: project.id, actor_kind: 'system', actor_name: 'test' })
      .execute()
    return tx.insertInto('tags').values(tag).returning('id').executeTakeFirstOrThrow()
  })
  const update = await server.send('PATCH', `${path}${id}/`, { authorization, body: { label: 'Fresh' } })
  expect(update).toMatchObject({ status: 400, body: { non_field_errors: ['Cannot update a system tag.'] } })
  const deletion = await server.send('DELETE', `${path}${id}/`, { authorization })
  expect(deletion).toMatchObject({ status: 400, body: { message: 'Cannot delete a system tag.' } })
})

test('a tag of another project is not found through this one', async () => {
  const { tags, params, authorization, path } = await startTags()
  const elsewhere = await startTags()
  const foreign = await elsewhere.tags.create({ params: elsewhere.params, body: { label: 'Theirs' } })
  await expect(tags.update({ params: { ...params, tag: foreign.id }, body: { label: 'Mine' } })).rejects.toMatchObject({ status: 404 })
  await expect(tags.getByUuid({ params: { ...params, uuid: foreign.uuid } })).rejects.toMatchObject({ status: 404 })
  expect((await server.send('GET', `${path}get-by-uuid/nonsense/`, { authorization })).status).toBe(404)
  expect((await server.send('GET', `${path}99999999999/`, { authorization })).status).toBe(404)
})

test.each([
  [{}, { label: ['This field is required.'] }],
  [{ label: '' }, { label: ['This field may not be blank.'] }],
  [{ label: 'x'.repeat(101) }, { label: ['Ensure this field has no more than 100 characters.'] }],
  [{ label: 'a', color: '#123456789a' }, { color: ['Ensure this field has no more than 10 characters.'] }],
  [{ label: 'a', description: 'x'.repeat(513) }, { description: ['Ensure this field has no more than 512 characters.'] }],
])('settings are checked (%#)', async (body, expected) => {
  const { authorization, path } = await startTags()
  expect(await server.send('POST', path, { authorization, body })).toMatchObject({ status: 400, body: expected })
})
