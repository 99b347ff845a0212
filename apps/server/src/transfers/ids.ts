import { sql } from 'kysely'
import type { Queryable } from '../access/rows.ts'

type Sequence =
  `${'tags' | 'features' | 'variants' | 'variant_weights' | 'feature_versions' | 'segments' | 'feature_states' | 'environments'}_id_seq`

/** New ids in ascending order. */
export async function reserveIds(db: Queryable, sequence: Sequence, count: number): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select nextval(${sequence}::regclass)::integer as id from generate_series(1, ${count}::integer)`.execute(db)
  return rows.map(({ id }) => id).toSorted((one, other) => one - other)
}

// How many ids there must be left before one that was brought along is reached.
const distance = 100_000_000

/** For ids of another installation the same ids, where they are free here and stay free for long; new ones for the others. */
export async function keepIds(
  db: Queryable,
  table: 'segments' | 'feature_states',
  wanted: readonly number[],
): Promise<Map<number, number>> {
  const sequence: Sequence = `${table}_id_seq`
  const { rows: kept } = await sql<{ id: number }>`
    select w.id from unnest(${wanted}::integer[]) as w (id) cross join ${sql.table(sequence)} s
     where not w.id between s.last_value and s.last_value + ${distance}
       and not exists (select from ${sql.table(table)} t where t.id = w.id)`.execute(db)
  const free = new Set(kept.map(({ id }) => id))
  const fresh = await reserveIds(db, sequence, wanted.length - free.size)
  return new Map(wanted.map((id) => [id, free.has(id) ? id : (fresh.shift() ?? 0)]))
}
