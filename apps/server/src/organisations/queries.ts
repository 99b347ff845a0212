import type { Actor } from '../access/actor.ts'
import type { OrganisationRow, Queryable } from '../access/rows.ts'

/** The organisations an actor belongs to, oldest first. */
export async function listOrganisations(db: Queryable, actor: Actor, range: { offset: number; limit: number }) {
  const visible = db
    .selectFrom('organisations')
    .where('deleted_at', 'is', null)
    .where((where) =>
      actor.kind === 'user'
        ? where('id', 'in', where.selectFrom('organisation_members').select('organisation_id').where('user_id', '=', actor.id))
        : where('id', '=', actor.kind === 'api_key' ? actor.organisationId : 0),
    )
  const [rows, total] = await Promise.all([
    visible.selectAll().orderBy('id').offset(range.offset).limit(range.limit).execute(),
    visible.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

export interface Membership {
  readonly seats: number
  /** Null for API keys. */
  readonly role: 'ADMIN' | 'USER' | null
}

/** How many people each organisation has, and what the actor is in it. */
export async function findMemberships(
  db: Queryable,
  actor: Actor,
  organisations: readonly OrganisationRow[],
): Promise<Map<number, Membership>> {
  if (organisations.length === 0) return new Map()
  const members = await db
    .selectFrom('organisation_members')
    .select((select) => [
      'organisation_id',
      select.fn.countAll<number>().as('seats'),
      select.fn
        .max<string | null>('role')
        .filterWhere('user_id', '=', actor.kind === 'user' ? actor.id : 0)
        .as('role'),
    ])
    .where(
      'organisation_id',
      'in',
      organisations.map((organisation) => organisation.id),
    )
    .groupBy('organisation_id')
    .execute()
  return new Map(
    members.map(({ organisation_id, seats, role }) => [
      organisation_id,
      { seats, role: role === 'ADMIN' || role === 'USER' ? role : null },
    ]),
  )
}

export async function isMember(db: Queryable, organisation: Pick<OrganisationRow, 'id'>, user: number): Promise<boolean> {
  const member = await db
    .selectFrom('organisation_members')
    .select('user_id')
    .where('organisation_id', '=', organisation.id)
    .where('user_id', '=', user)
    .executeTakeFirst()
  return member !== undefined
}
