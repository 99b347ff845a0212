import type { EnvironmentRow, Queryable } from '../access/rows.ts'
import { listChangesAbout, type AuditRecord } from '../audit/queries.ts'
import { listIdentityOverrides } from '../identity-overrides/queries.ts'

interface Named {
  readonly identifier: string
}

/** An identity that is gone, and of which the record can still tell. */
export const findDeletedIdentity = (db: Queryable, environment: EnvironmentRow, id: number): Promise<Named | undefined> =>
  db
    .selectFrom('identity_keys')
    .select('identifier')
    .where('environment_id', '=', environment.id)
    .where('identity_id', '=', id)
    .where('sealed_key', 'is not', null)
    .executeTakeFirst()

export async function listOverridesOf(db: Queryable, environment: EnvironmentRow, identity: Named) {
  const overrides = await listIdentityOverrides(db, environment, identity)
  if (overrides.length === 0) return []
  const features = await db
    .selectFrom('features')
    .select(['id', 'name'])
    .where(
      'id',
      'in',
      overrides.map((override) => override.feature_id),
    )
    .execute()
  const nameOf = new Map(features.map(({ id, name }) => [id, name]))
  return overrides.map(({ feature_id: id, enabled, value }) => ({
    feature: { id, name: nameOf.get(id) ?? '' },
    enabled,
    feature_state_value: value,
  }))
}

const rowsMax = 10_000

export async function listEventsOf(db: Queryable, environment: EnvironmentRow, { identifier }: Named) {
  const events = await db
    .selectFrom('sdk_events')
    .select(['event', 'feature_name as feature', 'value', 'traits', 'metadata', 'at'])
    .where('environment_id', '=', environment.id)
    .where('identifier', '=', identifier)
    .orderBy('id', 'desc')
    .limit(rowsMax)
    .execute()
  return events.map((event) => ({ ...event, at: event.at.toISOString() }))
}

export async function listChangesOf(record: AuditRecord, environment: EnvironmentRow, { identifier }: Named) {
  const key = await record.db
    .selectFrom('identity_keys')
    .select('pseudonym')
    .where('environment_id', '=', environment.id)
    .where('identifier', '=', identifier)
    .where('sealed_key', 'is not', null)
    .executeTakeFirst()
  if (!key) return []
  const changes = await listChangesAbout(record, { projectId: environment.project_id, pseudonym: key.pseudonym, limit: rowsMax })
  return changes.map(({ id, at, type, actor_kind: kind, actor_id: actorId, actor_name: name, before, after }) => ({
    id,
    at: at.toISOString(),
    type,
    actor: { kind, id: actorId, name },
    before,
    after,
  }))
}
