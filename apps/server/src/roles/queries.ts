import { notFound } from '@halyard/contract'
import type { Selectable } from 'kysely'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import { readGrant, type GrantRow } from '../grants/queries.ts'
import type { RolesTable } from '../runtime/tables.ts'

export type RoleRow = Selectable<RolesTable>
type Organisation = Pick<OrganisationRow, 'id'>

interface Range {
  readonly offset: number
  readonly limit: number
}

/** Whom a role can be given to. */
export type Assignee = 'user_id' | 'group_id' | 'master_api_key_id'

const rolesOf = (db: Queryable, organisation: Organisation) => db.selectFrom('roles').where('organisation_id', '=', organisation.id)

/** The roles of an organisation, or of one assignee in person. */
export async function pageRoles(
  db: Queryable,
  organisation: Organisation,
  { of, range }: { of?: { readonly column: Assignee; readonly id: number }; range: Range },
) {
  const wanted = rolesOf(db, organisation).$if(of !== undefined, (roles) =>
    roles.where('id', 'in', (where) =>
      where
        .selectFrom('role_assignments')
        .select('role_id')
        .where(of?.column ?? 'user_id', '=', of?.id ?? 0),
    ),
  )
  const [rows, total] = await Promise.all([
    wanted.selectAll().orderBy('id').offset(range.offset).limit(range.limit).execute(),
    wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

const findRole = (db: Queryable, organisation: Organisation, id: number): Promise<RoleRow | undefined> =>
  rolesOf(db, organisation).selectAll().where('id', '=', id).executeTakeFirst()

/** The role, of the organisation; 404 otherwise. */
export async function requireRole(db: Queryable, organisation: Organisation, id: number): Promise<RoleRow> {
  const role = await findRole(db, organisation, id)
  if (!role) throw notFound()
  return role
}

export async function pageAssignments(db: Queryable, role: Pick<RoleRow, 'id'>, column: Assignee, range: Range) {
  const wanted = db
    .selectFrom('role_assignments')
    .leftJoin('master_api_keys', 'master_api_keys.id', 'role_assignments.master_api_key_id')
    .where('role_id', '=', role.id)
    .where(`role_assignments.${column}`, 'is not', null)
  const [rows, total] = await Promise.all([
    wanted.selectAll('role_assignments').select('prefix').orderBy('role_assignments.id').offset(range.offset).limit(range.limit).execute(),
    wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

export type RoleLevel = 'organisation' | 'project' | 'environment'

interface RoleGrantFilter {
  readonly project?: number | undefined
  readonly environment?: number | undefined
  readonly id?: number | undefined
}

/** What a role allows at a level, in places that are there. */
export async function pageRoleGrants(
  db: Queryable,
  role: Pick<RoleRow, 'id'>,
  level: RoleLevel,
  { only, range }: { only: RoleGrantFilter; range: Range },
) {
  const wanted = db
    .selectFrom('grants')
    .where('role_id', '=', role.id)
    .where('project_id', level === 'organisation' ? 'is' : 'is not', null)
    .where('environment_id', level === 'environment' ? 'is not' : 'is', null)
    .$if(only.project !== undefined, (grants) => grants.where('project_id', '=', only.project ?? 0))
    .$if(only.environment !== undefined, (grants) => grants.where('environment_id', '=', only.environment ?? 0))
    .$if(only.id !== undefined, (grants) => grants.where('id', '=', only.id ?? 0))
  const [rows, total] = await Promise.all([
    wanted.selectAll().orderBy('id').offset(range.offset).limit(range.limit).execute(),
    wanted.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
  ])
  return { rows: rows.map(readGrant), count: total.count }
}

export async function findRoleGrant(db: Queryable, role: Pick<RoleRow, 'id'>, level: RoleLevel, id: number): Promise<GrantRow | undefined> {
  const { rows } = await pageRoleGrants(db, role, level, { only: { id }, range: { offset: 0, limit: 1 } })
  return rows[0]
}
