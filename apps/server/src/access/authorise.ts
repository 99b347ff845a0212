import { forbidden, notFound, type Level, type Permission, type Scope } from '@halyard/contract'
import type { Actor } from './actor.ts'
import type { Queryable, ScopeRows } from './rows.ts'
import { findEnvironmentScope, findOrganisationScope, findProjectScope } from './scopes.ts'

type LocatedScope = Extract<Scope, { from: string }>

/**
 * Loads the rows an endpoint works within and checks that the actor may. What does not exist and what belongs to another
 * organisation are the same 404; a permission that is missing is a 403 that names it.
 */
export async function authorise(db: Queryable, actor: Actor, scope: LocatedScope, wanted: { permission: Permission; value: unknown }) {
  const rows = await findScope(db, scope, wanted.value)
  if (!rows) throw notFound()
  await requirePermission(db, actor, rows, { permission: wanted.permission, level: scope.level })
  return rows
}

/** For handlers of endpoints that ask for one permission or another, depending on the row: what `authorise` does, once more. */
export async function requirePermission(
  db: Queryable,
  actor: Actor,
  rows: ScopeRows,
  wanted: { permission: Permission; level: Level },
): Promise<void> {
  const role = rows.organisation && (await findRole(db, actor, rows.organisation.id))
  if (!role) throw notFound()
  if (role !== 'ADMIN' && wanted.permission !== 'MEMBER') throw missing(wanted.permission, wanted.level, rows)
}

async function findScope(db: Queryable, scope: LocatedScope, value: unknown): Promise<ScopeRows | undefined> {
  if (scope.level === 'organisation') return findOrganisationScope(db, scope.by, value)
  if (scope.level === 'project') return findProjectScope(db, scope.by, value)
  return findEnvironmentScope(db, scope.by, value)
}

/** What the actor is in an organisation; undefined: nothing, so it does not exist for them. */
export async function findRole(db: Queryable, actor: Actor, organisationId: number): Promise<'ADMIN' | 'USER' | undefined> {
  if (actor.kind === 'system') return 'ADMIN'
  if (actor.kind === 'api_key') return actor.organisationId !== organisationId ? undefined : actor.isAdmin ? 'ADMIN' : 'USER'
  const member = await db
    .selectFrom('organisation_members')
    .select('role')
    .where('organisation_id', '=', organisationId)
    .where('user_id', '=', actor.id)
    .executeTakeFirst()
  return member && (member.role === 'ADMIN' ? 'ADMIN' : 'USER')
}

/** The organisations in which the actor may everything. Lists show what lies in them: what its own address would answer. */
export async function findAdministeredIds(db: Queryable, actor: Actor): Promise<number[]> {
  if (actor.kind === 'system') return []
  if (actor.kind === 'api_key') return actor.isAdmin ? [actor.organisationId] : []
  const members = await db
    .selectFrom('organisation_members')
    .select('organisation_id')
    .where('user_id', '=', actor.id)
    .where('role', '=', 'ADMIN')
    .execute()
  return members.map((member) => member.organisation_id)
}

function missing(permission: Permission, level: Level, rows: ScopeRows) {
  const where = `the ${level} “${rows[level]?.name ?? ''}”`
  const what =
    permission === 'ADMIN' ? `You are not an administrator of ${where}` : `You do not have the permission ${permission} in ${where}`
  return forbidden(`${what}. An administrator of the organisation “${rows.organisation?.name ?? ''}” can change that.`)
}
