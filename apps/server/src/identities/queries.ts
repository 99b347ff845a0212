import { identityTraitsMax, notFound } from '@halyard/contract'
import { identityBucket } from '@halyard/sdk-api'
import { sql } from 'kysely'
import type { QueryConfig } from 'pg'
import type { Queryable } from '../access/rows.ts'
import { identityKey, type IdentityKey } from './rules.ts'

/**
 * How the identity store is laid out. `one-table`: a PostgreSQL. `sharded`: distributed by bucket, where rows must be bound one by
 * one for their shards to be found; an `unnest` would pull everything to the coordinator.
 */
export type StoreLayout = 'one-table' | 'sharded'

export interface IdentityWrite extends IdentityKey {
  /** JSON text. */
  readonly traits: string
}

export interface StoredRow {
  readonly environment_id: number
  readonly identifier: string
  readonly traits: unknown
}

/** The two hot statements. Keys are distinct and in the order of `compareKeys`, in which PostgreSQL then locks the rows. */
export interface BatchStatements {
  readonly read: (keys: readonly IdentityKey[]) => QueryConfig
  readonly write: (rows: readonly IdentityWrite[], at: Date) => QueryConfig
}

// Only immutable functions and bound values: what a sharded store accepts. Traits are flat, so stripping nulls strips no more.
const merge = `
  on conflict (environment_id, identifier, bucket) do update
  set traits = jsonb_strip_nulls(t.traits || excluded.traits), updated_at = excluded.updated_at
  returning t.environment_id, t.identifier, t.traits`

const columns = 'environment_id, bucket, identifier, id, traits, created_at, updated_at'

const oneTable: BatchStatements = {
  read: (keys) => ({
    name: 'identities_read',
    // A lookup for each key, whatever the planner thinks of the table: a join could become a scan of all of it.
    text: `
      select i.environment_id, i.identifier, i.traits
        from unnest($1::integer[], $2::smallint[], $3::text[]) as k (environment_id, bucket, identifier)
       cross join lateral (
         select * from identities where environment_id = k.environment_id and identifier = k.identifier and bucket = k.bucket limit 1
       ) as i`,
    values: [keys.map((key) => key.environmentId), keys.map((key) => key.bucket), keys.map((key) => key.identifier)],
  }),
  write: (rows, at) => ({
    name: 'identities_write',
    text: `
      insert into identities as t (${columns})
      select k.environment_id, k.bucket, k.identifier, k.id, k.traits::jsonb, $6::timestamptz, $6::timestamptz
        from unnest($1::integer[], $2::smallint[], $3::text[], $4::bigint[], $5::text[])
          as k (environment_id, bucket, identifier, id, traits)
      ${merge}`,
    values: [
      rows.map((row) => row.environmentId),
      rows.map((row) => row.bucket),
      rows.map((row) => row.identifier),
      rows.map((row) => row.id),
      rows.map((row) => row.traits),
      at,
    ],
  }),
}

const sharded: BatchStatements = {
  read: (keys) => ({
    name: `identities_read_${keys.length}`,
    text: `
      select environment_id, identifier, traits
        from identities
       where (environment_id, bucket, identifier) in (${tuples(keys.length, ['integer', 'smallint', 'text'])})`,
    values: keys.flatMap((key) => [key.environmentId, key.bucket, key.identifier]),
  }),
  write: (rows, at) => ({
    name: `identities_write_${rows.length}`,
    text: `
      insert into identities as t (${columns})
      values ${tuples(rows.length, ['integer', 'smallint', 'text', 'bigint', 'jsonb', 'timestamptz', 'timestamptz'])}
      ${merge}`,
    values: rows.flatMap((row) => [row.environmentId, row.bucket, row.identifier, row.id, row.traits, at, at]),
  }),
}

/** `($1::integer, $2::text), ($3::integer, $4::text)` */
function tuples(count: number, types: readonly string[]): string {
  const tuple = (row: number) => `(${types.map((type, column) => `$${row * types.length + column + 1}::${type}`).join(', ')})`
  return Array.from({ length: count }, (_, row) => tuple(row)).join(', ')
}

export const batchStatements = (layout: StoreLayout): BatchStatements => (layout === 'sharded' ? sharded : oneTable)

// Beyond it an integer is not exact in JavaScript, nor in the SDKs.
const integerMax = Number.MAX_SAFE_INTEGER

/** Adds to an integer trait, from 0 when it is absent; no row comes back when it holds something else, or there is no room for it. */
export function incrementStatement(key: IdentityKey, { trait, by, at }: { trait: string; by: number; at: Date }): QueryConfig {
  return {
    name: 'identities_increment',
    // `case` decides before the cast is tried. By way of text, because that is immutable and `to_jsonb` is not.
    text: `
      insert into identities as t (${columns})
      values ($1::integer, $2::smallint, $3::text, $4::bigint, $5::jsonb, $6::timestamptz, $6::timestamptz)
      on conflict (environment_id, identifier, bucket) do update
      set traits = jsonb_set(jsonb_strip_nulls(t.traits), array[$7::text],
                             trunc(coalesce((t.traits ->> $7::text)::numeric, 0) + $8::numeric)::text::jsonb),
          updated_at = excluded.updated_at
      where case coalesce(jsonb_typeof(t.traits -> $7::text), 'null')
              when 'null' then jsonb_array_length(jsonb_path_query_array(t.traits, '$.*')) < ${identityTraitsMax}
              when 'number' then (t.traits ->> $7::text)::numeric % 1 = 0
                             and abs((t.traits ->> $7::text)::numeric + $8::numeric) <= ${integerMax}
              else false
            end
      returning (t.traits ->> $7::text)::numeric as value`,
    values: [key.environmentId, key.bucket, key.identifier, key.id, JSON.stringify({ [trait]: by }), at, trait, by],
  }
}

export interface IdentityRow {
  readonly environment_id: number
  readonly bucket: number
  readonly identifier: string
  readonly id: number
  readonly traits: unknown
  readonly created_at: Date
}

/** One identity by its number, which says in which bucket it is. */
export async function findIdentity(
  identities: Queryable,
  environment: { readonly id: number },
  id: number,
): Promise<IdentityRow | undefined> {
  return identities
    .selectFrom('identities')
    .selectAll()
    .where('environment_id', '=', environment.id)
    .where('bucket', '=', identityBucket(id))
    .where('id', '=', id)
    .orderBy('identifier')
    .limit(1)
    .executeTakeFirst()
}

export async function requireIdentity(identities: Queryable, environment: { readonly id: number }, id: number): Promise<IdentityRow> {
  const identity = await findIdentity(identities, environment, id)
  if (!identity) throw notFound()
  return identity
}

/** What a search asks for: a part of the identifier in any case, or, in double quotes, all of it exactly. */
export interface IdentitySearch {
  readonly q: string | undefined
  /** The identifier after which to begin. */
  readonly after: string
  readonly limit: number
}

export interface FoundIdentities {
  readonly rows: readonly Pick<IdentityRow, 'id' | 'identifier'>[]
  /** The identifier after which the next page begins; undefined when there is none. */
  readonly next: string | undefined
  readonly count: number
}

// Nobody waits for a search through a billion identities: a page stops here, and its `next` goes on from there.
const scannedMax = 100_000
const countedMax = 10_000

/** A page in the order of identifiers. */
export async function listIdentities(identities: Queryable, environmentId: number, search: IdentitySearch): Promise<FoundIdentities> {
  const { q = '' } = search
  const exact = /^"(.*)"$/s.exec(q)?.[1]
  if (exact !== undefined) return findExactly(identities, environmentId, exact)
  const pattern = `%${q.replace(/[\\%_]/g, '\\$&')}%`
  const [found, count] = await Promise.all([
    findPage(identities, environmentId, { ...search, pattern }),
    q === '' ? countIdentities(identities, environmentId) : countMatching(identities, environmentId, pattern),
  ])
  return { ...found, count }
}

async function findExactly(identities: Queryable, environmentId: number, identifier: string): Promise<FoundIdentities> {
  const key = identityKey(environmentId, identifier)
  const rows = await identities
    .selectFrom('identities')
    .select(['id', 'identifier'])
    .where('environment_id', '=', environmentId)
    .where('bucket', '=', key.bucket)
    .where('identifier', '=', identifier)
    .execute()
  return { rows, next: undefined, count: rows.length }
}

async function findPage(identities: Queryable, environmentId: number, search: IdentitySearch & { pattern: string }) {
  const scanned = identities
    .selectFrom('identities')
    .select(['id', 'identifier'])
    .where('environment_id', '=', environmentId)
    .where('identifier', '>', search.after)
    .orderBy('identifier')
    .limit(scannedMax)
    .as('scanned')
  const found = await identities
    .selectFrom(scanned)
    .select(['id', 'identifier'])
    .where(matches(search.pattern))
    .orderBy('identifier')
    .limit(search.limit + 1)
    .execute()
  const rows = found.slice(0, search.limit)
  if (found.length > search.limit) return { rows, next: rows.at(-1)?.identifier }
  const { last, rows: seen } = await identities
    .selectFrom(scanned)
    .select((select) => [select.fn.max('identifier').as('last'), select.fn.countAll<number>().as('rows')])
    .executeTakeFirstOrThrow()
  return { rows, next: seen === scannedMax ? last : undefined }
}

// In the collation of the database, because in that of the column only the letters of English have two cases.
const matches = (pattern: string) => sql<boolean>`(identifier collate "default") ilike ${pattern}`

/**
 * Exact to 10 000; above, an estimate within about a per cent: ids are hashes, so that the smaller the 10 000th of
 * them is, the more there are.
 */
async function countIdentities(identities: Queryable, environmentId: number): Promise<number> {
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

/** Of those that a first page looks at; when that is not all, as many again in what remains. */
async function countMatching(identities: Queryable, environmentId: number, pattern: string): Promise<number> {
  const scanned = identities
    .selectFrom('identities')
    .select('identifier')
    .where('environment_id', '=', environmentId)
    .orderBy('identifier')
    .limit(scannedMax)
    .as('scanned')
  const { rows, matching } = await identities
    .selectFrom(scanned)
    .select((select) => [
      select.fn.countAll<number>().as('rows'),
      select.fn.countAll<number>().filterWhere(matches(pattern)).as('matching'),
    ])
    .executeTakeFirstOrThrow()
  if (rows < scannedMax) return matching
  return Math.round((matching / rows) * (await countIdentities(identities, environmentId)))
}
