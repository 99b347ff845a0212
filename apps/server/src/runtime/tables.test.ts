import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tableTypes } from '../testing/table-types.ts'
import { openTestDatabase } from '../testing/test-database.ts'
import type { Database } from './database.ts'

let database: Database
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

test('the table types are those of the migrated database (else: npm run generate)', async () => {
  const generated = await database.withSession(tableTypes)
  expect(await readFile(new URL('tables.ts', import.meta.url), 'utf8')).toBe(generated)
})

test('every table says whether it is configuration, operational or identity', async () => {
  const { rows } = await database.pool.query<{ table: string; comment: string | null }>(
    `select relname as "table", obj_description(oid, 'pg_class') as comment from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
  )
  const unmarked = rows.filter(({ comment }) => !/^(configuration|operational|identity): ./.test(comment ?? ''))
  expect(unmarked).toEqual([])
})

test('every configuration table refuses writes that record no change', async () => {
  const { rows } = await database.pool.query<{ table: string }>(
    `select c.relname as "table" from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and obj_description(c.oid, 'pg_class') like 'configuration:%'
        and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = c.relname || '_recorded')`,
  )
  expect(rows).toEqual([])
})

test('what belongs to a project, environment, feature or segment goes with it when it is purged (on delete cascade or set null)', async () => {
  const { rows } = await database.pool.query<{ holder: string; reference: string }>(
    `select conrelid::regclass::text as holder, conname as reference from pg_constraint
      where contype = 'f' and confdeltype not in ('c', 'n')
        and confrelid in ('projects'::regclass, 'environments'::regclass, 'features'::regclass, 'segments'::regclass, 'feature_versions'::regclass)`,
  )
  expect(rows).toEqual([])
})
