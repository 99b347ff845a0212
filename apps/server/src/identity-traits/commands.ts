import { identityTraitsMax, invalid, notFound } from '@halyard/contract'
import type { Queryable } from '../access/rows.ts'
import { recordChange } from '../changes/record-change.ts'
import type { IdentityMeans, Place } from '../identities/commands.ts'
import { alsoQueued, requireIdentity, type IdentityRow } from '../identities/queries.ts'
import { overfull, readTraits, traitsJson, type StoredTraits } from '../identities/rules.ts'
import { sql, type RawBuilder } from 'kysely'
import type { TraitValue } from '@halyard/engine'

export interface Trait {
  readonly key: string
  readonly value: Exclude<TraitValue, null>
}

/** Adds a trait that the identity does not have; answers with all it then has. */
export async function createTrait(means: IdentityMeans, place: Place, identity: IdentityRow, trait: Trait): Promise<StoredTraits> {
  const hasRoom = sql<boolean>`jsonb_array_length(jsonb_path_query_array(traits, '$.*')) < ${identityTraitsMax}`
  const traits = await mergeTrait(means, identity, { ...trait, condition: sql`not ${hasTrait(trait.key)} and ${hasRoom}` })
  if (!traits) {
    const { traits: found } = await requireIdentity(means.identities, place.environment, identity.id)
    throw readTraits(found).has(trait.key) ? invalid({ trait_key: ['The identity already has a trait with this key.'] }) : overfull()
  }
  await record(means, place, { identity, after: trait })
  return traits
}

/** Changes the value of a trait that the identity has; answers with all it then has. */
export async function updateTrait(
  means: IdentityMeans,
  place: Place,
  identity: IdentityRow,
  change: { before: Trait; value: Trait['value'] },
): Promise<StoredTraits> {
  const { before, value } = change
  const after = { key: before.key, value }
  const traits = await mergeTrait(means, identity, { ...after, condition: hasTrait(before.key) })
  if (!traits) throw notFound()
  await record(means, place, { identity, before, after })
  return traits
}

export async function deleteTrait(means: IdentityMeans, place: Place, identity: IdentityRow, before: Trait): Promise<void> {
  const traits = await mergeTrait(means, identity, { key: before.key, value: null, condition: hasTrait(before.key) })
  if (!traits) throw notFound()
  await record(means, place, { identity, before })
}

const hasTrait = (key: string) => sql<boolean>`(coalesce(jsonb_typeof(traits -> ${key}), 'null') <> 'null')`

interface Merge {
  readonly key: string
  readonly value: TraitValue
  readonly condition: RawBuilder<unknown>
}

/** In one statement, so that an SDK that writes at the same time loses nothing. Undefined when the condition does not hold. */
async function mergeTrait(
  { identities, at }: { identities: Queryable; at: Date },
  identity: IdentityRow,
  { key, value, condition }: Merge,
): Promise<StoredTraits | undefined> {
  const { rows } = await alsoQueued<IdentityRow>(sql`
    update identities
       set traits = jsonb_strip_nulls(traits || ${traitsJson(new Map([[key, value]]))}::jsonb), updated_at = ${at}
     where environment_id = ${identity.environment_id} and bucket = ${identity.bucket} and identifier = ${identity.identifier}
       and ${condition}
    returning *`).execute(identities)
  return rows[0] && readTraits(rows[0].traits)
}

async function record(
  { inEdit }: IdentityMeans,
  { project, environment }: Place,
  told: { identity: IdentityRow; before?: Trait; after?: Trait },
): Promise<void> {
  const { identity, before, after } = told
  const change = { type: 'identity.updated', project, environment, subject: identity.identifier } as const
  await inEdit((edit) =>
    recordChange(edit, { ...change, ...(before && { before: remembered(before) }), ...(after && { after: remembered(after) }) }),
  )
}

const remembered = ({ key, value }: Trait) => ({ trait_key: key, trait_value: value })
