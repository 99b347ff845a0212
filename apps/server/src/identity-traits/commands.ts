import { identityTraitsMax, invalid, notFound } from '@halyard/contract'
import type { Queryable } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import type { IdentityMeans, Place } from '../identities/commands.ts'
import { alsoQueued, requireIdentity, type IdentityRow } from '../identities/queries.ts'
import { overfull, readTraits, traitsJson, type StoredTraits } from '../identities/rules.ts'
import type { Database } from '../runtime/database.ts'
import * as z from 'zod'
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

/** Identities are too many to change while somebody waits: a job follows. */
export const deleteTraitOfAll = (edit: Edit, { project, environment }: Place, key: string): Promise<void> =>
  recordChange(edit, { type: 'trait.deleted', project, environment, subject: key, before: { trait_key: key } })

const deletedTrait = z.object({ environmentId: z.int(), subject: z.string() })
const pageMax = 1000

interface TraitMeans {
  readonly identities: Database
  readonly now: () => Date
  readonly signal: AbortSignal
}

/** The job that follows. It walks by key, so that it can be repeated and never holds many rows. */
export async function removeTraitOfAll(means: TraitMeans, payload: unknown): Promise<void> {
  const { identities, now, signal } = means
  const { environmentId, subject: key } = deletedTrait.parse(payload)
  for (let after: string | undefined = ''; after !== undefined && !signal.aborted;) after = await removeTraitOfPage({ after, key })

  function removeTraitOfPage(page: { after: string; key: string }): Promise<string | undefined> {
    return identities.transaction(async (tx) => {
      const { rows } = await sql<{ last: string; seen: number }>`
        with page as (
          select environment_id, bucket, identifier from identities
           where environment_id = ${environmentId} and identifier > ${page.after} order by identifier limit ${pageMax}
        ), written as (
          update identities as i set traits = i.traits - ${page.key}, updated_at = ${now()} from page p
           where i.environment_id = p.environment_id and i.identifier = p.identifier and i.bucket = p.bucket and jsonb_exists(i.traits, ${page.key})
          returning i.environment_id, i.bucket, i.identifier
        ), queued as (
          insert into identity_search_queue select environment_id, bucket, identifier from written
        )
        select identifier as last, count(*) over () as seen from page order by identifier desc limit 1`.execute(tx)
      const [walked] = rows
      return walked?.seen === pageMax ? walked.last : undefined
    })
  }
}
