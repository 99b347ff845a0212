import type { DeletedKind } from '@halyard/contract'
import { sql } from 'kysely'
import type { OrganisationRow, ProjectRow, Queryable } from '../access/rows.ts'

export interface DeletionRow {
  readonly kind: DeletedKind
  readonly id: number
  readonly uuid: string
  readonly name: string
  readonly deleted_at: Date
  readonly deleted_by: string | null
}

interface Range {
  readonly offset: number
  readonly limit: number
}

export const pageDeletedProjects = (db: Queryable, organisation: Pick<OrganisationRow, 'id'>, range: Range & { since: Date }) =>
  pageDeletions(
    db,
    sql`select 'project' as kind, id, id as project_id, uuid, name, deleted_at from projects where organisation_id = ${organisation.id}`,
    range,
  )

export const pageDeletedOfProject = (
  db: Queryable,
  { id }: Pick<ProjectRow, 'id'>,
  { kinds, ...range }: Range & { since: Date; kinds: readonly DeletedKind[] },
) =>
  pageDeletions(
    db,
    sql`select * from (select 'environment' as kind, id, project_id, uuid, name, deleted_at from environments where project_id = ${id}
        union all select 'feature', id, project_id, uuid, name, deleted_at from features where project_id = ${id}
        union all select 'segment', id, project_id, uuid, name, deleted_at from segments where project_id = ${id}) of_project
         where kind in (${sql.join(kinds)})`,
    range,
  )

async function pageDeletions(
  db: Queryable,
  candidates: ReturnType<typeof sql>,
  { since, offset, limit }: Range & { since: Date },
): Promise<{ rows: DeletionRow[]; count: number }> {
  const deleted = sql`(select * from (${candidates}) c where c.deleted_at > ${since})`
  const { rows } = await sql<DeletionRow>`
    select d.kind, d.id, d.uuid, d.name, d.deleted_at, c.actor_name as deleted_by
      from (select * from ${deleted} all_of_them order by deleted_at desc, kind, id offset ${offset} limit ${limit}) d
      left join lateral (
        select actor_name from changes
         where project_id = d.project_id and type = d.kind || '.deleted' and subject_id = d.id::text and at = d.deleted_at limit 1) c on true
     order by d.deleted_at desc, d.kind, d.id`.execute(db)
  const total = await sql<{ count: number }>`select count(*) as count from ${deleted} all_of_them`.execute(db)
  return { rows, count: total.rows[0]?.count ?? 0 }
}
