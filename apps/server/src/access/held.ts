import { sql, type RawBuilder } from 'kysely'
import * as z from 'zod'
import type { Actor, ApiKeyActor, SystemActor, UserActor } from './actor.ts'
import type { Queryable } from './rows.ts'
import { lacksSecondFactor } from './second-factor.ts'

/** Whose permissions are asked for: whoever acts, somebody an administrator asks about, or what a group gives. */
export type Holder =
  | Pick<UserActor, 'kind' | 'id'>
  | { readonly kind: 'group'; readonly id: number }
  | Pick<ApiKeyActor, 'kind' | 'id' | 'organisationId' | 'isAdmin'>
  | SystemActor

/** Granted in person, or through a group or a role. */
export type Through =
  | { readonly kind: 'user' }
  | { readonly kind: 'group'; readonly id: number; readonly name: string }
  | { readonly kind: 'role'; readonly id: number; readonly name: string; readonly tags: readonly number[] }

/** Permissions that somebody holds in one place. */
export interface Grant {
  readonly organisationId: number
  /** Null: in the organisation itself. */
  readonly projectId: number | null
  /** Null: in the project or organisation itself. */
  readonly environmentId: number | null
  readonly isAdmin: boolean
  /** By key, the tags of which a feature must carry one; none: any feature will do. */
  readonly permissions: ReadonlyMap<string, readonly number[]>
  readonly through: Through
}

/** What somebody is in an organisation, and all they were granted in it. */
export interface Held {
  readonly role: 'ADMIN' | 'USER'
  readonly grants: readonly Grant[]
}

/** Undefined: they do not belong to the organisation, which therefore does not exist for them. */
export async function findHeld(db: Queryable, holder: Holder, organisationId: number): Promise<Held | undefined> {
  const role = await findRole(db, holder, organisationId)
  if (role !== 'USER') return role && { role, grants: [] }
  return { role, grants: await readGrants(db, holder, sql`g.organisation_id = ${organisationId}`) }
}

/** The same in every organisation that the actor belongs to. */
export async function listHeld(db: Queryable, actor: Actor): Promise<Map<number, Held>> {
  const roles = await listRoles(db, actor)
  const grants = await readGrants(db, actor, sql`true`)
  return new Map(
    roles.map(({ organisationId, role }) => [
      organisationId,
      { role, grants: grants.filter((grant) => grant.organisationId === organisationId) },
    ]),
  )
}

async function findRole(db: Queryable, holder: Holder, organisationId: number): Promise<'ADMIN' | 'USER' | undefined> {
  if (holder.kind === 'system') return 'ADMIN'
  if (holder.kind === 'api_key') return holder.organisationId === organisationId ? roleOfKey(holder) : undefined
  if (holder.kind === 'group') return 'USER'
  const member = await db
    .selectFrom('organisation_members')
    .select('role')
    .where('organisation_id', '=', organisationId)
    .where('user_id', '=', holder.id)
    .executeTakeFirst()
  return member && asRole(member.role)
}

async function listRoles(db: Queryable, actor: Actor): Promise<{ organisationId: number; role: 'ADMIN' | 'USER' }[]> {
  if (actor.kind === 'system') return []
  if (actor.kind === 'api_key') return [{ organisationId: actor.organisationId, role: roleOfKey(actor) }]
  const members = await db
    .selectFrom('organisation_members')
    .innerJoin('organisations', 'organisations.id', 'organisation_members.organisation_id')
    .select(['organisation_id', 'role', 'force_2fa'])
    .where('user_id', '=', actor.id)
    .execute()
  // Lists show what lies in them, which must be what its own address would answer.
  const open = members.filter((organisation) => !lacksSecondFactor(actor, organisation))
  return open.map((member) => ({ organisationId: member.organisation_id, role: asRole(member.role) }))
}

const roleOfKey = ({ isAdmin }: Pick<ApiKeyActor, 'isAdmin'>) => (isAdmin ? 'ADMIN' : 'USER')
const asRole = (role: string) => (role === 'ADMIN' ? 'ADMIN' : 'USER')

interface GrantRow {
  readonly organisation_id: number
  readonly project_id: number | null
  readonly environment_id: number | null
  readonly is_admin: boolean
  readonly permissions: unknown
  readonly group_id: number | null
  readonly group_name: string | null
  readonly role_id: number | null
  readonly role_name: string | null
  readonly tags: number[] | null
}

/** Grants that count: to the holder, to a group or role of theirs, and in organisations that they belong to. */
async function readGrants(db: Queryable, holder: Holder, where: RawBuilder<unknown>): Promise<Grant[]> {
  const user = holder.kind === 'user' ? holder.id : null
  const key = holder.kind === 'api_key' ? holder : { id: null, organisationId: null }
  const group = holder.kind === 'group' ? holder.id : null
  const { rows } = await sql<GrantRow>`
    with own_groups as (
           select group_id as id from group_members where user_id = ${user}::integer
           union all select id from groups where id = ${group}::integer),
         own_roles as (
           select role_id as id from role_assignments
            where user_id = ${user}::integer or master_api_key_id = ${key.id}::integer or group_id in (select id from own_groups))
    select g.organisation_id, g.project_id, g.environment_id, g.is_admin, g.permissions,
           g.group_id, groups.name as group_name, g.role_id, roles.name as role_name, roles.tags
      from grants g left join groups on groups.id = g.group_id left join roles on roles.id = g.role_id
     where (g.user_id = ${user}::integer or g.group_id in (select id from own_groups) or g.role_id in (select id from own_roles))
       and (g.organisation_id = ${key.organisationId}::integer or ${group}::integer is not null
            or exists (select from organisation_members m where m.organisation_id = g.organisation_id and m.user_id = ${user}::integer))
       and ${where}
     order by g.id`.execute(db)
  return rows.map(readGrant)
}

const storedPermissions = z.record(z.string(), z.array(z.int()))

function readGrant(row: GrantRow): Grant {
  const through = throughOf(row)
  const tags = through.kind === 'role' ? through.tags : []
  const permissions = Object.entries(storedPermissions.parse(row.permissions))
  return {
    organisationId: row.organisation_id,
    projectId: row.project_id,
    environmentId: row.environment_id,
    isAdmin: row.is_admin,
    // Tags of a permission are more exact than those of its role.
    permissions: new Map(permissions.map(([permission, own]) => [permission, own.length > 0 ? own : tags])),
    through,
  }
}

function throughOf(row: GrantRow): Through {
  if (row.role_id !== null) return { kind: 'role', id: row.role_id, name: row.role_name ?? '', tags: row.tags ?? [] }
  return row.group_id === null ? { kind: 'user' } : { kind: 'group', id: row.group_id, name: row.group_name ?? '' }
}
