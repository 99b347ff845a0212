import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '../access/rows.ts'
import type { IdentityRow } from './queries.ts'
import { identityKey } from './rules.ts'
import { fold, partLengthMin, partTerms, traitTerm } from './search-terms.ts'

export interface IdentitySearch {
  /** A part of the identifier or alias in any case; in double quotes all of the identifier exactly; `key:value`: also who has the trait. */
  readonly q: string | undefined
  /** The identifier after which to begin. */
  readonly after: string
  readonly limit: number
}

export type ListedIdentity = Pick<IdentityRow, 'id' | 'identifier' | 'dashboard_alias'>

export interface FoundIdentities {
  readonly rows: readonly ListedIdentity[]
  /** The identifier after which the next page begins; undefined when there is none. */
  readonly next: string | undefined
  readonly count: number
}

// Nobody waits for a search through a billion identities: a page stops here, and its `next` goes on from there.
// Of a million identities this is half, in half a second.
const scannedMax = 500_000
const gatheredMax = 250_000
const countedMax = 10_000

/** A page in the order of identifiers. */
export async function listIdentities(identities: Queryable, environmentId: number, search: IdentitySearch): Promise<FoundIdentities> {
  const { q = '' } = search
  const exact = /^"(.*)"$/s.exec(q)?.[1]
  if (exact !== undefined) return findExactly(identities, environmentId, exact)
  const folded = fold(q)
  if (folded.length < partLengthMin) return walkAll(identities, environmentId, { ...search, folded })
  return findByTerms(identities, environmentId, { ...search, matches: matchesOf(environmentId, q) })
}

async function findExactly(identities: Queryable, environmentId: number, identifier: string): Promise<FoundIdentities> {
  const key = identityKey(environmentId, identifier)
  const rows = await identities
    .selectFrom('identities')
    .select(['id', 'identifier', 'dashboard_alias'])
    .where('environment_id', '=', environmentId)
    .where('bucket', '=', key.bucket)
    .where('identifier', '=', identifier)
    .execute()
  return { rows, next: undefined, count: rows.length }
}

const traitPattern = /^([^:]{1,200}):(.+)$/s

/** The index finds who has all terms of the text, and the text itself decides; who has a trait is decided by its term. */
export function matchesOf(environmentId: number, q: string): RawBuilder<boolean> {
  const folded = fold(q)
  const holdsText = sql<boolean>`terms @> ${partTerms(environmentId, folded)}::bigint[] and strpos(folded, ${folded}) > 0`
  const [, key, value] = traitPattern.exec(q) ?? []
  if (key === undefined || value === undefined) return holdsText
  const term = traitTerm(environmentId, key.trim(), /^\s*"(.*)"\s*$/s.exec(value)?.[1] ?? value.trim())
  return sql<boolean>`(${holdsText} or terms @> ${[term]}::bigint[])`
}

type Matching = IdentitySearch & { readonly matches: RawBuilder<boolean> }

/**
 * Few are gathered by the index and put in order. Of many, enough are soon found by walking in order, which costs no more for a
 * million of them.
 */
async function findByTerms(identities: Queryable, environmentId: number, search: Matching): Promise<FoundIdentities> {
  const counted = await countBy(identities, environmentId, search.matches)
  const count = counted > countedMax ? await estimateMatching(identities, environmentId, search.matches) : counted
  const { keys, next } = await (count > gatheredMax ? walk : gather)(identities, environmentId, search)
  return { rows: await readInOrder(identities, environmentId, keys), next, count }
}

interface FoundKey {
  readonly identifier: string
  readonly bucket: number
}

/** Materialised, so that nobody thinks of walking in order when there are few. */
export const gathering = (environmentId: number, { matches, after, limit }: Omit<Matching, 'q'>) => sql<FoundKey>`
  with found as materialized (
    select identifier, bucket from identity_searches where environment_id = ${environmentId} and ${matches}
  )
  select identifier, bucket from found where identifier > ${after} order by identifier limit ${limit + 1}`

async function gather(identities: Queryable, environmentId: number, search: Matching) {
  const { rows: found } = await gathering(environmentId, search).execute(identities)
  const keys = found.slice(0, search.limit)
  return { keys, next: found.length > search.limit ? keys.at(-1)?.identifier : undefined }
}

export const counting = (environmentId: number, matches: RawBuilder<boolean>) => sql<{ count: number }>`
  select count(*) as count
    from (select from identity_searches where environment_id = ${environmentId} and ${matches} limit ${countedMax + 1}) as counted`

async function countBy(identities: Queryable, environmentId: number, matches: RawBuilder<boolean>): Promise<number> {
  const { rows } = await counting(environmentId, matches).execute(identities)
  return rows[0]?.count ?? 0
}

export const walking = (environmentId: number, { matches, after, limit }: Omit<Matching, 'q'>) => sql<FoundKey>`
  select identifier, bucket
    from (select * from identity_searches where environment_id = ${environmentId} and identifier > ${after}
           order by identifier limit ${scannedMax}) as scanned
   where ${matches} order by identifier limit ${limit + 1}`

async function walk(identities: Queryable, environmentId: number, search: Matching) {
  const { rows: found } = await walking(environmentId, search).execute(identities)
  const keys = found.slice(0, search.limit)
  if (found.length > search.limit) return { keys, next: keys.at(-1)?.identifier }
  const { rows } = await sql<{ last: string | null; seen: number }>`
    select max(identifier) as last, count(*) as seen
      from (select identifier from identity_searches where environment_id = ${environmentId} and identifier > ${search.after}
             order by identifier limit ${scannedMax}) as scanned`.execute(identities)
  const [{ last, seen } = { last: null, seen: 0 }] = rows
  return { keys, next: seen === scannedMax && last !== null ? last : undefined }
}

/** As many in all as among those with the smallest ids, which are hashes. */
async function estimateMatching(identities: Queryable, environmentId: number, matches: RawBuilder<boolean>): Promise<number> {
  const { rows } = await sql<{ sampled: number; matching: number }>`
    select count(*) as sampled, count(*) filter (where ${matches}) as matching
      from (select folded, terms from identity_searches where environment_id = ${environmentId} order by id limit ${countedMax}) as sampled`.execute(
    identities,
  )
  const [{ sampled, matching } = { sampled: 1, matching: 0 }] = rows
  const all = await countIdentities(identities, environmentId)
  return Math.max(countedMax + 1, Math.round((matching / Math.max(1, sampled)) * all))
}

/** What was deleted since the search was filled is left out. */
async function readInOrder(identities: Queryable, environmentId: number, keys: readonly FoundKey[]): Promise<ListedIdentity[]> {
  if (keys.length === 0) return []
  return identities
    .selectFrom('identities')
    .select(['id', 'identifier', 'dashboard_alias'])
    .where('environment_id', '=', environmentId)
    .where('identifier', 'in', [...new Set(keys.map((key) => key.identifier))])
    .where('bucket', 'in', [...new Set(keys.map((key) => key.bucket))])
    .orderBy('identifier')
    .execute()
}

/** Everybody, or by a text too short to have terms. */
async function walkAll(
  identities: Queryable,
  environmentId: number,
  { folded, after, limit }: IdentitySearch & { readonly folded: string },
): Promise<FoundIdentities> {
  if (folded !== '') {
    const matches = sql<boolean>`strpos(folded, ${folded}) > 0`
    const { keys, next } = await walk(identities, environmentId, { q: folded, after, limit, matches })
    return { rows: await readInOrder(identities, environmentId, keys), next, count: await countShort(identities, environmentId, matches) }
  }
  const found = await identities
    .selectFrom('identities')
    .select(['id', 'identifier', 'dashboard_alias'])
    .where('environment_id', '=', environmentId)
    .where('identifier', '>', after)
    .orderBy('identifier')
    .limit(limit + 1)
    .execute()
  const rows = found.slice(0, limit)
  const next = found.length > limit ? rows.at(-1)?.identifier : undefined
  return { rows, next, count: await countIdentities(identities, environmentId) }
}

async function countShort(identities: Queryable, environmentId: number, matches: RawBuilder<boolean>): Promise<number> {
  const all = await countIdentities(identities, environmentId)
  return all > countedMax ? estimateMatching(identities, environmentId, matches) : countBy(identities, environmentId, matches)
}

/**
 * Exact to 10 000; above, an estimate within about a per cent: ids are hashes, so that the smaller the 10 000th of
 * them is, the more there are.
 */
export async function countIdentities(identities: Queryable, environmentId: number): Promise<number> {
  const first = identities
    .selectFrom('identities')
    .select('id')
    .where('environment_id', '=', environmentId)
    .orderBy('id')
    .limit(countedMax + 1)
    .as('first')
  const { rows, reach } = await identities
    .selectFrom(first)
    .select((select) => [select.fn.countAll<number>().as('rows'), sql<number | null>`max(id) / 9007199254740992::float8`.as('reach')])
    .executeTakeFirstOrThrow()
  return rows <= countedMax || !reach ? rows : Math.round(countedMax / reach)
}
