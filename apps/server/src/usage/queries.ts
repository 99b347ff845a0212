import { sql } from 'kysely'
import type { EnvironmentRow, OrganisationRow, ProjectRow, Queryable } from '../access/rows.ts'
import { countedLengthMax, countedName } from '../analytics/count-requests.ts'
import type { Interval, Range } from './rules.ts'

export interface UsageFilter extends Range {
  readonly project?: number | undefined
  readonly environment?: number | undefined
  readonly applicationName?: string | undefined
  readonly applicationVersion?: string | undefined
  readonly userAgent?: string | undefined
}

// Sums of bigints are numeric, which arrives as text; a count that is not exact any more is as good as this one.
const exact = (count: ReturnType<typeof sql>) => sql<number>`least(coalesce(${count}, 0), ${Number.MAX_SAFE_INTEGER})::bigint`
const startOf = (interval: Interval) => sql<Date>`date_trunc(${sql.lit(interval)}, u.hour, 'UTC')`

const requestsOf = ({ id }: OrganisationRow, filter: UsageFilter) => sql`
  usage_counts u
  join environments e on e.id = u.environment_id
  join projects p on p.id = e.project_id
 where p.organisation_id = ${id} and u.resource <> 'evaluations' and u.hour >= ${filter.from} and u.hour < ${filter.to}
   and (${filter.project ?? null}::integer is null or p.id = ${filter.project ?? null})
   and (${filter.environment ?? null}::integer is null or e.id = ${filter.environment ?? null})
   and (${filter.applicationName ?? null}::text is null or u.application_name = ${filter.applicationName ?? null})
   and (${filter.applicationVersion ?? null}::text is null or u.application_version = ${filter.applicationVersion ?? null})
   and (${filter.userAgent ?? null}::text is null or u.user_agent = ${filter.userAgent ?? null})`

export interface UsageRow {
  readonly start: Date
  readonly user_agent: string
  readonly application_name: string
  readonly application_version: string
  readonly flags: number
  readonly identities: number
  readonly traits: number
  readonly environment_document: number
}

/** Requests of an organisation’s environments, by interval and by who asked. */
export async function sumRequests(db: Queryable, organisation: OrganisationRow, filter: UsageFilter): Promise<UsageRow[]> {
  const of = (resource: string) => exact(sql`sum(u.count) filter (where u.resource = ${resource})`)
  const { rows } = await sql<UsageRow>`
    select ${startOf(filter.interval)} as start, u.user_agent, u.application_name, u.application_version,
           ${of('flags')} as flags, ${of('identities')} as identities, ${of('traits')} as traits,
           ${of('environment-document')} as environment_document
      from ${requestsOf(organisation, filter)}
     group by 1, 2, 3, 4 order by 1, 2, 3, 4`.execute(db)
  return rows
}

export async function countRequests(db: Queryable, organisation: OrganisationRow, filter: UsageFilter): Promise<number> {
  const { rows } = await sql<{
    count: number
  }>`select ${exact(sql`sum(u.count)`)} as count from ${requestsOf(organisation, filter)}`.execute(db)
  return rows[0]?.count ?? 0
}

export async function sumEvaluations(
  db: Queryable,
  environment: EnvironmentRow,
  feature: { readonly name: string },
  range: Range,
): Promise<{ start: Date; count: number }[]> {
  const { rows } = await sql<{ start: Date; count: number }>`
    select ${startOf(range.interval)} as start, ${exact(sql`sum(u.count)`)} as count
      from usage_counts u
     where u.environment_id = ${environment.id} and u.resource = 'evaluations' and u.feature_name = ${countedName(feature.name)}
       and u.hour >= ${range.from} and u.hour < ${range.to}
     group by 1 order by 1`.execute(db)
  return rows
}

export interface EvaluatedFeatureRow {
  readonly id: number
  readonly name: string
  readonly count: number
  readonly first_evaluated_at: Date | null
  readonly last_evaluated_at: Date | null
}

/** The features of an environment's project with their evaluations in the range, the most evaluated first. */
export async function pageEvaluatedFeatures(
  db: Queryable,
  { project, environment }: { readonly project: ProjectRow; readonly environment: EnvironmentRow },
  { from, to, offset, limit }: { readonly from: Date; readonly to: Date; readonly offset: number; readonly limit: number },
): Promise<{ rows: EvaluatedFeatureRow[]; count: number }> {
  const { rows } = await sql<EvaluatedFeatureRow>`
    with counted as (
      select feature_name, sum(count) as count from usage_counts
       where environment_id = ${environment.id} and resource = 'evaluations' and hour >= ${from} and hour < ${to}
       group by feature_name
    )
    select f.id, f.name, ${exact(sql`c.count`)} as count, e.first_evaluated_at, e.last_evaluated_at
      from features f
      left join counted c on c.feature_name = left(f.name, ${countedLengthMax})
      left join evaluated_features e on e.environment_id = ${environment.id} and e.feature_name = left(f.name, ${countedLengthMax})
     where f.project_id = ${project.id} and f.deleted_at is null
     order by coalesce(c.count, 0) desc, f.id
    offset ${offset} limit ${limit}`.execute(db)
  const total = await db
    .selectFrom('features')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow()
  return { rows, count: total.count }
}

/** Whether a filter names something of the organisation; also what is deleted, whose usage counts. */
export async function isOfOrganisation(
  db: Queryable,
  organisation: OrganisationRow,
  what: { readonly project: number } | { readonly environment: number },
): Promise<boolean> {
  const projects = db.selectFrom('projects').where('projects.organisation_id', '=', organisation.id).select('projects.id')
  const found =
    'project' in what
      ? projects.where('projects.id', '=', what.project)
      : projects.innerJoin('environments', 'environments.project_id', 'projects.id').where('environments.id', '=', what.environment)
  return (await found.executeTakeFirst()) !== undefined
}

export const findFirstEvaluation = (db: Queryable, environment: EnvironmentRow) =>
  db.selectFrom('first_evaluations').select(['at', 'sdk_label']).where('environment_id', '=', environment.id).executeTakeFirst()
