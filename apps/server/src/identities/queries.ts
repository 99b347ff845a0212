import { identityTraitsMax, notFound } from '@halyard/contract'
import { identityBucket } from '@halyard/sdk-api'
import { sql, type RawBuilder } from 'kysely'
import type { PoolClient, QueryConfig } from 'pg'
import type { Queryable } from '../access/rows.ts'
import type { IdentityKey } from './rules.ts'

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

/** The same for statements that are not hot. */
export const alsoQueued = <Row>(statement: RawBuilder<unknown>) => sql<Row>`
  with written as (${statement}),
  queued as (insert into identity_search_queue select environment_id, bucket, identifier from written)
  select * from written`

/** The hot statements. Keys are distinct and in the order of `compareKeys`, in which PostgreSQL then locks the rows. */
export interface BatchStatements {
  readonly read: (keys: readonly IdentityKey[]) => QueryConfig
  readonly write: (rows: readonly IdentityWrite[], at: Date) => QueryConfig
  /** To run in one transaction with a write that does not append to the queue of the search itself. */
  readonly queue: ((rows: readonly IdentityKey[]) => QueryConfig) | undefined
}

// Only immutable functions and bound values: what a sharded store accepts. Traits are flat, so stripping nulls strips no more.
const merge = `
  on conflict (environment_id, identifier, bucket) do update
  set traits = jsonb_strip_nulls(t.traits || excluded.traits), updated_at = excluded.updated_at
  returning t.environment_id, t.bucket, t.identifier, t.traits`

/** The same statement, which also has the search learn of every row that it wrote. `returning` gives at least the key. */
export const queueing = (statement: string, selection = '*'): string => `
  with written as (${statement}),
  queued as (insert into identity_search_queue select environment_id, bucket, identifier from written)
  select ${selection} from written`

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
    text: queueing(`
      insert into identities as t (${columns})
      select k.environment_id, k.bucket, k.identifier, k.id, k.traits::jsonb, $6::timestamptz, $6::timestamptz
        from unnest($1::integer[], $2::smallint[], $3::text[], $4::bigint[], $5::text[])
          as k (environment_id, bucket, identifier, id, traits)
      ${merge}`),
    values: [
      rows.map((row) => row.environmentId),
      rows.map((row) => row.bucket),
      rows.map((row) => row.identifier),
      rows.map((row) => row.id),
      rows.map((row) => row.traits),
      at,
    ],
  }),
  queue: undefined,
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
  queue: (rows) => ({
    name: `identities_queue_${rows.length}`,
    text: `
      insert into identity_search_queue (environment_id, bucket, identifier)
      values ${tuples(rows.length, ['integer', 'smallint', 'text'])}`,
    values: rows.flatMap((row) => [row.environmentId, row.bucket, row.identifier]),
  }),
}

/** `($1::integer, $2::text), ($3::integer, $4::text)` */
function tuples(count: number, types: readonly string[]): string {
  const tuple = (row: number) => `(${types.map((type, column) => `$${row * types.length + column + 1}::${type}`).join(', ')})`
  return Array.from({ length: count }, (_, row) => tuple(row)).join(', ')
}

export const batchStatements = (layout: StoreLayout): BatchStatements => (layout === 'sharded' ? sharded : oneTable)

/** Writes rows together with their places in the queue of the search. */
export async function writeBatch(
  client: PoolClient,
  statements: BatchStatements,
  { writes, at }: { writes: readonly IdentityWrite[]; at: Date },
): Promise<StoredRow[]> {
  const { queue } = statements
  if (!queue) return (await client.query<StoredRow>(statements.write(writes, at))).rows
  await client.query('begin')
  try {
    const { rows } = await client.query<StoredRow>(statements.write(writes, at))
    await client.query(queue(writes))
    await client.query('commit')
    return rows
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

// Beyond it an integer is not exact in JavaScript, nor in the SDKs.
const integerMax = Number.MAX_SAFE_INTEGER

/** Adds to an integer trait, from 0 when it is absent; no row comes back when it holds something else, or there is no room for it. */
export function incrementStatement(key: IdentityKey, { trait, by, at }: { trait: string; by: number; at: Date }): QueryConfig {
  return {
    name: 'identities_increment',
    // `case` decides before the cast is tried. By way of text, because that is immutable and `to_jsonb` is not.
    text: queueing(
      `
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
      returning t.environment_id, t.bucket, t.identifier, (t.traits ->> $7::text)::numeric as value`,
      'value',
    ),
    values: [key.environmentId, key.bucket, key.identifier, key.id, JSON.stringify({ [trait]: by }), at, trait, by],
  }
}

export interface IdentityRow {
  readonly environment_id: number
  readonly bucket: number
  readonly identifier: string
  readonly id: number
  readonly traits: unknown
  readonly dashboard_alias: string | null
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

export const findIdentityNamed = (identities: Queryable, key: IdentityKey): Promise<IdentityRow | undefined> =>
  identities
    .selectFrom('identities')
    .selectAll()
    .where('environment_id', '=', key.environmentId)
    .where('bucket', '=', key.bucket)
    .where('identifier', '=', key.identifier)
    .executeTakeFirst()

export async function requireIdentity(identities: Queryable, environment: { readonly id: number }, id: number): Promise<IdentityRow> {
  const identity = await findIdentity(identities, environment, id)
  if (!identity) throw notFound()
  return identity
}

/** Those of the environment that are there, each once. */
export const listIdentitiesById = (
  identities: Queryable,
  environment: { readonly id: number },
  ids: readonly number[],
): Promise<IdentityRow[]> =>
  identities
    .selectFrom('identities')
    .selectAll()
    .where('environment_id', '=', environment.id)
    .where('bucket', 'in', [...new Set(ids.map(identityBucket))])
    .where('id', 'in', [...new Set(ids)])
    .orderBy('identifier')
    .execute()
