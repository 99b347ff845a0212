import type { FeatureValue } from '@halyard/contract'
import { sql } from 'kysely'
import * as z from 'zod'
import type { Queryable } from '../access/rows.ts'

const stored = z.array(z.object({ where: z.string(), value: z.union([z.string(), z.number(), z.boolean(), z.null()]) }))

/** Every value that a feature has, once for each place it has it in. */
export async function listValues(db: Queryable, feature: { readonly id: number }): Promise<{ where: string; value: FeatureValue }[]> {
  const { rows } = await sql`
    select distinct 'In the environment “' || e.name || '”' ||
           case when s.segment_id is not null then ', for the segment “' || g.name || '”'
                when s.identifier is not null then ', for an identity' else '' end as "where", s.value
      from feature_states s
      join environments e on e.id = s.environment_id and e.deleted_at is null
      left join segments g on g.id = s.segment_id
     where s.feature_id = ${feature.id} and s.removed_at is null and g.deleted_at is null
     union all
    select 'The variant “' || coalesce(key, id::text) || '”', value from variants where feature_id = ${feature.id}
     order by 1`.execute(db)
  return stored.parse(rows)
}
