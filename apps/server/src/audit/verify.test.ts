import { api } from '@halyard/contract'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sealChanges } from '../changes/seal-changes.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

/** As the owner of the database, who can do without triggers. */
const asOwner = (statement: ReturnType<typeof sql>) =>
  server.control.transaction(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx)
    await statement.execute(tx)
  })

async function startSealed() {
  const { authorization, organisation, project } = await server.makeProject()
  for (const label of ['one', 'two', 'three'])
    await server.as(authorization, api.tags).create({ params: { project: project.id }, body: { label, color: '#fff' } })
  await sealChanges(server.runtime)
  const verify = () => server.as(authorization, api.audit).verify({ params: { organisation: organisation.id } })
  const { rows } = await sql<{ id: number }>`
    select id from changes where organisation_id = ${organisation.id} order by id`.execute(server.control.db)
  return { verify, ids: rows.map(({ id }) => id), organisation, authorization, project }
}

test('a record that nobody touched is intact, and grows', async () => {
  const { verify, ids, authorization, project } = await startSealed()
  const before = await verify()
  expect(before).toEqual({ intact: true, sealed: ids.length, unsealed: 0, hash: expect.stringMatching(/^[0-9a-f]{64}$/), broken: null })
  await server.as(authorization, api.tags).create({ params: { project: project.id }, body: { label: 'four', color: '#fff' } })
  await sealChanges(server.runtime)
  expect(await verify()).toMatchObject({ intact: true, sealed: ids.length + 1 })
})

test.each([
  [
    'alters an entry',
    (ids: number[]) => sql`update changes set actor_name = 'Somebody else' where id = ${ids[3]}`,
    'The entry was altered.',
  ],
  ['alters what an entry says was', (ids: number[]) => sql`update changes set after = '{}' where id = ${ids[3]}`, 'The entry was altered.'],
  ['removes an entry', (ids: number[]) => sql`delete from changes where id = ${ids[3]}`, 'The entry was removed.'],
])('an owner of the database who %s is found out, and where', async (_, tamper, reason) => {
  const { verify, ids } = await startSealed()
  await asOwner(tamper(ids))
  expect(await verify()).toMatchObject({ intact: false, sealed: 3, broken: { position: 4, change: ids[3], reason } })
})

test('entries that are removed from the end with their seals, or added without one, are found out', async () => {
  const { verify, ids } = await startSealed()
  const last = ids.at(-1) ?? 0
  await asOwner(sql`delete from change_seals where change_id = ${last}`)
  await asOwner(sql`delete from changes where id = ${last}`)
  expect((await verify()).broken?.reason).toBe('Entries at the end were removed.')
  const other = await startSealed()
  await asOwner(sql`
    insert into changes (at, type, organisation_id, actor_kind, actor_name) values (now(), 'tag.deleted', ${other.organisation.id}, 'user', 'Forged')`)
  expect((await other.verify()).broken?.reason).toMatch('added from outside')
})

test('the end of a chain cannot be moved without the installation’s key', async () => {
  const { verify, ids, organisation } = await startSealed()
  const last = ids.at(-1) ?? 0
  await asOwner(sql`delete from change_seals where change_id = ${last}`)
  await asOwner(sql`delete from changes where id = ${last}`)
  await asOwner(sql`
    update change_chains c set length = s.position, hash = s.hash from change_seals s
     where s.organisation_id = c.organisation_id and c.organisation_id = ${organisation.id} and s.position = c.length - 1`)
  expect((await verify()).broken?.reason).toMatch('not signed with SECRET_KEY')
})

test('sealed entries and seals cannot be changed by the application', async () => {
  await startSealed()
  for (const statement of [
    sql`update change_seals set position = 1`,
    sql`delete from change_seals`,
    sql`truncate change_seals`,
    sql`truncate changes cascade`,
  ])
    await expect(statement.execute(server.control.db)).rejects.toMatchObject({ code: 'HY002' })
})
