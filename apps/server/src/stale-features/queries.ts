import type { FeatureValue } from '@halyard/contract'
import { sql } from 'kysely'
import type { ProjectRow, Queryable } from '../access/rows.ts'
import { countedLengthMax } from '../analytics/count-requests.ts'

export interface StaleFeatureRow {
  readonly id: number
  readonly name: string
  readonly unchanged_since: Date
}

/** Features unchanged in every environment since `cutoff`, the longest first; not archived ones, nor those that a permanent tag protects. */
export async function pageStaleFeatures(
  db: Queryable,
  project: ProjectRow,
  { cutoff, offset, limit }: { readonly cutoff: Date; readonly offset: number; readonly limit: number },
): Promise<{ rows: StaleFeatureRow[]; count: number }> {
  const { rows } = await sql<StaleFeatureRow & { count: number }>`
    select f.id, f.name, s.unchanged_since, count(*) over ()::integer as count
      from features f
      cross join lateral (
        select greatest(f.created_at, max(greatest(updated_at, removed_at))) as unchanged_since from feature_states where feature_id = f.id
      ) s
     where f.project_id = ${project.id} and f.deleted_at is null and not f.is_archived and s.unchanged_since < ${cutoff}
       and not exists (select from feature_tags ft join tags t on t.id = ft.tag_id where ft.feature_id = f.id and t.is_permanent)
     order by s.unchanged_since, f.id
    offset ${offset} limit ${limit}`.execute(db)
  return { rows: rows.map(({ count: _count, ...row }) => row), count: rows[0]?.count ?? 0 }
}

export interface PlaceRow {
  readonly feature_id: number
  readonly id: number
  readonly name: string
  readonly api_key: string
  readonly enabled: boolean
  readonly value: FeatureValue
  readonly unchanged_since: Date
  readonly same_for_everyone: boolean
  readonly evaluations_reported: boolean
  readonly last_evaluated_at: Date | null
}

/** What features are in the environments of their project, with what is known of their evaluations. */
export async function listPlaces(
  db: Queryable,
  project: ProjectRow,
  { features, cutoff }: { readonly features: readonly number[]; readonly cutoff: Date },
): Promise<PlaceRow[]> {
  const { rows } = await sql<PlaceRow>`
    select f.id as feature_id, e.id, e.name, e.api_key, d.enabled, d.value,
           greatest(d.updated_at, o.changed_at) as unchanged_since,
           coalesce(o.count, 0) = 0 and not jsonb_path_exists(d.variants, '$[*].weight ? (@ > 0)') as same_for_everyone,
           exists (select from evaluated_features r where r.environment_id = e.id and r.last_evaluated_at >= ${cutoff}) as evaluations_reported,
           v.last_evaluated_at
      from features f
      join environments e on e.project_id = f.project_id and e.deleted_at is null
      join feature_states d
        on d.environment_id = e.id and d.feature_id = f.id and d.segment_id is null and d.identifier is null and d.removed_at is null
      cross join lateral (
        select count(*) filter (where removed_at is null) as count, max(greatest(updated_at, removed_at)) as changed_at
          from feature_states
         where environment_id = e.id and feature_id = f.id and (segment_id is not null or identifier is not null)
      ) o
      left join evaluated_features v on v.environment_id = e.id and v.feature_name = left(f.name, ${countedLengthMax})
     where f.project_id = ${project.id} and f.id = any(${features})
     order by e.id`.execute(db)
  return rows
}
