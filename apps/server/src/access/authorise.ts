import { forbidden, notFound, type Level, type Permission, type PermissionKey, type Scope } from '@halyard/contract'
import type { Actor } from './actor.ts'
import { canSee, isAllowed, placeOf } from './decide.ts'
import { findHeld, listHeld } from './held.ts'
import type { Queryable, ScopeRows } from './rows.ts'
import { requireSecondFactor } from './second-factor.ts'
import { findEnvironmentScope, findOrganisationScope, findProjectScope } from './scopes.ts'

type LocatedScope = Extract<Scope, { from: string }>

/**
 * Loads the rows an endpoint works within and checks that the actor may. What does not exist, what belongs to another organisation
 * and what the actor may not see are the same 404; a permission that is missing for what they see is a 403 that names it.
 */
export async function authorise(
  db: Queryable,
  actor: Actor,
  scope: LocatedScope,
  wanted: Pick<Wanted, 'permission' | 'or'> & { readonly value: unknown; readonly group?: unknown },
) {
  const rows = await findScope(db, scope, wanted.value)
  if (!rows) throw notFound()
  const isLetIn = wanted.group !== undefined && (await isGroupAdmin(db, actor, rows, wanted.group))
  if (!isLetIn) await requirePermission(db, actor, rows, { permission: wanted.permission, or: wanted.or, level: scope.level })
  requireSecondFactor(actor, rows)
  return rows
}

async function isGroupAdmin(db: Queryable, actor: Actor, { organisation }: ScopeRows, group: unknown): Promise<boolean> {
  const id = Number(group)
  if (actor.kind !== 'user' || !organisation || !Number.isInteger(id) || id > 2_147_483_647) return false
  const member = await db
    .selectFrom('group_members')
    .select('is_admin')
    .where('organisation_id', '=', organisation.id)
    .where('group_id', '=', id)
    .where('user_id', '=', actor.id)
    .executeTakeFirst()
  return member?.is_admin ?? false
}

export interface Wanted {
  readonly permission: Permission
  /** Another that will do. */
  readonly or?: PermissionKey | undefined
  readonly level: Level
  /** What it is wanted for: permissions may be held for features with certain tags only. */
  readonly feature?: number
}

/** For handlers of endpoints that ask for one permission or another, depending on the row: what `authorise` does, once more. */
export async function requirePermission(db: Queryable, actor: Actor, rows: ScopeRows, wanted: Wanted): Promise<void> {
  const held = rows.organisation && (await findHeld(db, actor, rows.organisation.id))
  if (!held) throw notFound()
  const place = placeOf(wanted.level, rows)
  const needsTags = wanted.feature !== undefined && held.role !== 'ADMIN'
  const tags = needsTags ? await listTagIds(db, wanted.feature) : undefined
  if (isAllowed(held, wanted.permission, place, tags)) return
  if (wanted.or && isAllowed(held, wanted.or, place, tags)) return
  if (!canSee(held, place)) throw notFound()
  throw missing(wanted, rows)
}

/** The organisations that the actor administers. */
export async function findAdministeredIds(db: Queryable, actor: Actor): Promise<number[]> {
  return [...(await listHeld(db, actor))].flatMap(([id, { role }]) => (role === 'ADMIN' ? [id] : []))
}

async function listTagIds(db: Queryable, feature: number | undefined): Promise<number[]> {
  const tags = await db
    .selectFrom('feature_tags')
    .select('tag_id')
    .where('feature_id', '=', feature ?? 0)
    .execute()
  return tags.map(({ tag_id: tag }) => tag)
}

async function findScope(db: Queryable, scope: LocatedScope, value: unknown): Promise<ScopeRows | undefined> {
  if (scope.level === 'organisation') return findOrganisationScope(db, scope.by, value)
  if (scope.level === 'project') return findProjectScope(db, scope.by, value)
  return findEnvironmentScope(db, scope.by, value)
}

function missing({ permission, or, level }: Wanted, rows: ScopeRows) {
  const where = `the ${level} “${rows[level]?.name ?? ''}”`
  const what =
    permission === 'ADMIN'
      ? `You are not an administrator of ${where}`
      : `You do not have the permission ${or ? `${permission} or ${or}` : permission} in ${where}`
  return forbidden(`${what}. An administrator of the organisation “${rows.organisation?.name ?? ''}” can change that.`)
}
