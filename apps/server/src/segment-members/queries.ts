import { sql } from 'kysely'
import type { Queryable } from '../access/rows.ts'

/** Identities as one JSON text, `[[id, identifier, traits], …]`: parsing many rows here would hold up requests. */
export interface IdentitiesPage {
  readonly json: string
  readonly size: number
  /** The last identifier; null when there is none. */
  readonly last: string | null
}

const aggregate = sql`coalesce(json_agg(json_build_array(id, identifier, traits)), '[]')::text as json, count(*) as size`

/** The next ones in the order of identifiers. */
export async function readIdentities(
  identities: Queryable,
  environmentId: number,
  page: { after: string; limit: number },
): Promise<IdentitiesPage> {
  const { rows } = await sql<IdentitiesPage>`
    select ${aggregate}, max(identifier) as last
      from (select id, identifier, traits from identities where environment_id = ${environmentId} and identifier > ${page.after}
             order by identifier limit ${page.limit}) as page`.execute(identities)
  return rows[0] ?? { json: '[]', size: 0, last: null }
}

/** A sample: ids are hashes, and these have the next smallest. */
export async function readSample(identities: Queryable, environmentId: number, page: { afterId: number; limit: number }) {
  const { rows } = await sql<{ json: string; size: number; last: number | null }>`
    select ${aggregate}, max(id) as last
      from (select id, identifier, traits from identities where environment_id = ${environmentId} and id > ${page.afterId}
             order by id limit ${page.limit}) as page`.execute(identities)
  return rows[0] ?? { json: '[]', size: 0, last: null }
}
