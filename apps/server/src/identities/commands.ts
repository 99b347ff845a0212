import { invalid } from '@halyard/contract'
import type { EnvironmentRow, ProjectRow, Queryable } from '../access/rows.ts'
import { recordChange } from '../changes/record-change.ts'
import type { InEdit } from '../http/input.ts'
import type { IdentityRow } from './queries.ts'
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
  const identity = await identities
    .insertInto('identities')
    .values({ environment_id: environment.id, bucket, identifier, id, traits: '{}', created_at: at, updated_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!identity) throw invalid({ identifier: [`An identity with this identifier already exists in ${environment.name}.`] })
  await inEdit((edit) =>
    recordChange(edit, { type: 'identity.created', project, environment, subject: identifier, after: remembered(identity) }),
  )
  return identity
}

/**
 * Recorded first, with the job that removes its overrides, and deleted then: whoever is interrupted in between finds the identity
 * still there and deletes it again.
 */
export async function deleteIdentity(
  { inEdit, identities }: Omit<IdentityMeans, 'at'>,
  { project, environment }: Place,
  identity: IdentityRow,
): Promise<void> {
  await inEdit((edit) =>
    recordChange(edit, { type: 'identity.deleted', project, environment, subject: identity.identifier, before: remembered(identity) }),
  )
  await identities
    .deleteFrom('identities')
    .where('environment_id', '=', environment.id)
    .where('bucket', '=', identity.bucket)
    .where('identifier', '=', identity.identifier)
    .execute()
}

const remembered = ({ id, identifier, traits }: IdentityRow) => ({ id, identifier, traits })
