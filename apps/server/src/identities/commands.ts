import { invalid, notFound } from '@halyard/contract'
import { sql } from 'kysely'
import type { EnvironmentRow, ProjectRow, Queryable } from '../access/rows.ts'
import { recordChange, recordChanges, type Change } from '../changes/record-change.ts'
import type { InEdit } from '../http/input.ts'
import { alsoQueued, type IdentityRow } from './queries.ts'
import { identityKey } from './rules.ts'

/** Identities are in a store of their own, so that what is done to them and the edit that records it are two transactions. */
export interface IdentityMeans {
  readonly inEdit: InEdit
  readonly identities: Queryable
  /** When the store is written to; the edit has an instant of its own. */
  readonly at: Date
}

export interface Place {
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
}

/** Made first and recorded then: the log must not tell of an identity that there never was. */
export async function createIdentity(
  { inEdit, identities, at }: IdentityMeans,
  { project, environment }: Place,
  identifier: string,
): Promise<IdentityRow> {
  const { id, bucket } = identityKey(environment.id, identifier)
  const inserted = sql`
    insert into identities (environment_id, bucket, identifier, id, traits, created_at, updated_at)
    values (${environment.id}, ${bucket}, ${identifier}, ${id}, '{}', ${at}, ${at})
    on conflict do nothing returning *`
  const [identity] = (await alsoQueued<IdentityRow>(inserted).execute(identities)).rows
  if (!identity) throw invalid({ identifier: [`An identity with this identifier already exists in ${environment.name}.`] })
  await inEdit((edit) =>
    recordChange(edit, { type: 'identity.created', project, environment, subject: identifier, after: remembered(identity) }),
  )
  return identity
}

/** Names it for people. */
export async function updateIdentity(
  { inEdit, identities, at }: IdentityMeans,
  { project, environment }: Place,
  { identity: before, alias }: { identity: IdentityRow; alias: string | null },
): Promise<IdentityRow> {
  const renamed = sql`
    update identities set dashboard_alias = ${alias}, updated_at = ${at}
     where environment_id = ${environment.id} and bucket = ${before.bucket} and identifier = ${before.identifier} returning *`
  const [after] = (await alsoQueued<IdentityRow>(renamed).execute(identities)).rows
  if (!after) throw notFound()
  const told = (row: IdentityRow) => ({ identifier: row.identifier, dashboard_alias: row.dashboard_alias })
  await inEdit((edit) =>
    recordChange(edit, {
      type: 'identity.updated',
      project,
      environment,
      subject: before.identifier,
      before: told(before),
      after: told(after),
    }),
  )
  return after
}

/**
 * Recorded first, with the job that removes its overrides, and deleted then: whoever is interrupted in between finds the identity
 * still there and deletes it again.
 */
export async function deleteIdentities(
  { inEdit, identities }: Omit<IdentityMeans, 'at'>,
  { project, environment }: Place,
  deleted: readonly IdentityRow[],
): Promise<void> {
  const changeOf = (identity: IdentityRow): Change => ({
    type: 'identity.deleted',
    project,
    environment,
    subject: identity.identifier,
    before: remembered(identity),
  })
  await inEdit((edit) => recordChanges(edit, deleted.map(changeOf)))
  for (const identity of deleted) await removeIdentity(identities, identity)
}

export const removeIdentity = (
  identities: Queryable,
  { environment_id, bucket, identifier }: Pick<IdentityRow, 'environment_id' | 'bucket' | 'identifier'>,
) =>
  alsoQueued(
    sql`delete from identities where environment_id = ${environment_id} and bucket = ${bucket} and identifier = ${identifier} returning *`,
  ).execute(identities)

const remembered = ({ id, identifier, traits }: IdentityRow) => ({ id, identifier, traits })
