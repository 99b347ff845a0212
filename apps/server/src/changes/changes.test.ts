import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { system } from '../access/actor.ts'
import type { ProjectRow } from '../access/rows.ts'
import { createEnvironment, updateEnvironment } from '../environments/commands.ts'
import { createOrganisation } from '../organisations/commands.ts'
import { createProject, updateProject } from '../projects/commands.ts'
import { createSegment, updateSegment } from '../segments/commands.ts'
import type { Database } from '../runtime/database.ts'
import { openTestDatabase } from '../testing/test-database.ts'
import { runEdit, type Edit, type EditLock } from './edit.ts'
import { recordChange } from './record-change.ts'

let control: Database
beforeAll(async () => {
  control = await openTestDatabase()
})
afterAll(() => control.close())

const edit = <T>(work: (edit: Edit) => Promise<T>, lock: EditLock = { on: 'nothing' }) =>
  runEdit(control, { actor: system('tests'), lock }, work)

async function makeProject(): Promise<ProjectRow> {
  const { done } = await edit(async (open) => createProject(open, await createOrganisation(open, undefined, 'Acme'), { name: 'Shop' }))
  return done
}

const revisionOf = async (environmentId: number) =>
  (
    await control.db
      .selectFrom('environment_revisions')
      .select('revision')
      .where('environment_id', '=', environmentId)
      .executeTakeFirstOrThrow()
  ).revision

test('a transaction that writes configuration and records no change is refused whole', async () => {
  const project = await makeProject()
  const silent = edit((open) => open.tx.updateTable('projects').set({ name: 'Silently renamed' }).where('id', '=', project.id).execute())
  await expect(silent).rejects.toMatchObject({ code: 'HY001' })
  const after = await control.db.selectFrom('projects').select('name').where('id', '=', project.id).executeTakeFirstOrThrow()
  expect(after.name).toBe('Shop')
})

test('configuration cannot be written outside an edit', async () => {
  const project = await makeProject()
  const write = control.db.updateTable('projects').set({ name: 'No moment' }).where('id', '=', project.id).execute()
  await expect(write).rejects.toMatchObject({ code: 'HY003' })
})

test('the change log can only grow', async () => {
  await makeProject()
  await expect(sql`update changes set actor_name = 'Somebody else'`.execute(control.db)).rejects.toMatchObject({ code: 'HY002' })
  await expect(sql`delete from changes`.execute(control.db)).rejects.toMatchObject({ code: 'HY002' })
})

test('the history of configuration has one revision per edit, each beginning where the last ended', async () => {
  const project = await makeProject()
  for (const name of ['Second', 'Third']) await edit((open) => updateProject(open, project, { name }), { on: 'project', id: project.id })
  const { rows } = await sql<{ name: string; from_at: Date; until: string }>`
    select body ->> 'name' as name, from_at, until_at::text as until from document_history
     where kind = 'project' and entity_id = ${project.id} order by from_at`.execute(control.db)
  expect(rows.map((row) => row.name)).toEqual(['Shop', 'Second', 'Third'])
  expect(rows.at(-1)?.until).toBe('infinity')
  const { rows: gaps } = await sql`
    select from (select until_at, lead(from_at) over (order by from_at) as next from document_history where kind = 'project' and entity_id = ${project.id}) h
     where next is not null and next <> until_at`.execute(control.db)
  expect(gaps).toEqual([])
})

test('edits of a project that come at once have instants in the order of their revisions', async () => {
  const project = await makeProject()
  const lock = { on: 'project', id: project.id } as const
  const { done: environment } = await edit((open) => createEnvironment(open, project, { name: 'Production' }), lock)
  const edits = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      edit(async (open) => {
        await updateEnvironment(open, environment, { description: `edit ${index}` })
        return open.at
      }, lock),
    ),
  )
  const byRevision = edits.toSorted((one, other) => (one.raised.get(environment.id) ?? 0) - (other.raised.get(environment.id) ?? 0))
  const instants = byRevision.map(({ done }) => done.getTime())
  expect(new Set(instants).size).toBe(20)
  expect(instants).toEqual(instants.toSorted((one, other) => one - other))
})

test('a change of the project raises every environment, one of an environment only its own', async () => {
  const project = await makeProject()
  const lock = { on: 'project', id: project.id } as const
  const { done: first } = await edit((open) => createEnvironment(open, project, { name: 'First' }), lock)
  const { done: second } = await edit((open) => createEnvironment(open, project, { name: 'Second' }), lock)
  const [one, other] = [await revisionOf(first.id), await revisionOf(second.id)]
  await edit((open) => updateProject(open, project, { hide_disabled_flags: true }), lock)
  expect([await revisionOf(first.id), await revisionOf(second.id)]).toEqual([one + 1, other + 1])
  await edit((open) => updateEnvironment(open, first, { description: 'Only this one' }), lock)
  expect([await revisionOf(first.id), await revisionOf(second.id)]).toEqual([one + 2, other + 1])
})

test('of an edit that does several things those are recorded that changed something', async () => {
  const project = await makeProject()
  const lock = { on: 'project', id: project.id } as const
  const { done: environment } = await edit((open) => createEnvironment(open, project, { name: 'Production' }), lock)
  const { done: at, raised } = await edit(async (open) => {
    await updateProject(open, project, { name: project.name })
    await updateEnvironment(open, environment, { description: 'New' })
    return open.at
  }, lock)
  const recorded = await control.db.selectFrom('changes').select('type').where('project_id', '=', project.id).where('at', '=', at).execute()
  expect(recorded).toEqual([{ type: 'environment.updated' }])
  expect([...raised.keys()]).toEqual([environment.id])
})

test('an edit of nothing leaves a thing its version, its moment and its history', async () => {
  const project = await makeProject()
  const lock = { on: 'project', id: project.id } as const
  const wanted = { name: 'Everybody', description: null, rules: [{ type: 'ALL' as const, rules: [], conditions: [] }] }
  const { done: segment } = await edit((open) => createSegment(open, project, wanted), lock)
  const { done: same, raised } = await edit((open) => updateSegment(open, project, segment.id, wanted), lock)
  expect(same).toEqual(segment)
  expect(raised.size).toBe(0)
  const { rows: kept } = await sql`select from document_history where kind = 'segment' and entity_id = ${segment.id}`.execute(control.db)
  expect(kept).toHaveLength(1)
  const { done: other } = await edit((open) => updateSegment(open, project, segment.id, { ...wanted, name: 'All' }), lock)
  expect(other).toMatchObject({ name: 'All', version: segment.version + 1 })
})

test('an edit that fails leaves nothing: no rows, no change, no revision', async () => {
  const project = await makeProject()
  const lock = { on: 'project', id: project.id } as const
  const changesBefore = await control.db.selectFrom('changes').select('id').where('project_id', '=', project.id).execute()
  const failing = edit(async (open) => {
    await updateProject(open, project, { name: 'Never' })
    throw new Error('changed my mind')
  }, lock)
  await expect(failing).rejects.toThrow('changed my mind')
  expect(await control.db.selectFrom('changes').select('id').where('project_id', '=', project.id).execute()).toEqual(changesBefore)
})

test('what is secret is not remembered', async () => {
  const project = await makeProject()
  await edit((open) =>
    recordChange(open, {
      type: 'user.created',
      subject: project.id,
      after: { email: 'ada@example.com', password_hash: 'canary', hashed_key: 'canary' },
    }),
  )
  const { rows } = await sql`select from changes where before::text like '%canary%' or after::text like '%canary%'`.execute(control.db)
  expect(rows).toEqual([])
})
