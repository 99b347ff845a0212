import { sql } from 'kysely'
import type { EnvironmentRow, Queryable } from '../access/rows.ts'

const sampledMax = 10_000

/** Ids are hashes, so that the first ones are a sample of all. */
export async function listTraitKeys(identities: Queryable, environment: Pick<EnvironmentRow, 'id'>): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select distinct key collate "C" as key
      from (select traits from identities where environment_id = ${environment.id} order by id limit ${sampledMax}) as sampled
     cross join lateral jsonb_each(traits) as trait (key, value)
     where value <> 'null' order by 1`.execute(identities)
  return rows.map(({ key }) => key)
}
