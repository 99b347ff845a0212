import { identityTraitsMax, Problem } from '@halyard/contract'
import type { TraitValue } from '@halyard/engine'
import type { EnvironmentSnapshot, IdentitySighting, RememberedIdentity } from '@halyard/sdk-api'
import pg from 'pg'
import { isDatabaseUnavailable, type Database } from '../runtime/database.ts'
import { isConnectionUsable } from '../runtime/database-unavailable.ts'
import { createGroupCommit, DeadlineExceeded, type Request } from '../runtime/group-commit.ts'
import type { Log } from '../runtime/runtime.ts'
import type { RecentlyUsed } from '../runtime/recently-used.ts'
import { createDegradation, createLastKnown, nameOf } from './degradation.ts'
import { batchStatements, incrementStatement, type BatchStatements, type StoredRow, type StoreLayout, writeBatch } from './queries.ts'
import {
  compareKeys,
  identityKey,
  inOrderOf,
  overfull,
  readTraits,
  traitsJson,
  withTraits,
  type IdentityKey,
  type StoredTraits,
} from './rules.ts'

type OfEnvironment = Pick<EnvironmentSnapshot, 'environmentId'>

export interface IdentityStore {
  /** Resolves when what is to be kept is committed, or `degraded` when the store cannot be reached in time. */
  rememberIdentity(environment: OfEnvironment, sighting: IdentitySighting): Promise<RememberedIdentity>
  /** Adds in one statement. Fails when the store cannot be reached: an addition must not be guessed. */
  incrementTrait(environment: OfEnvironment, identifier: string, trait: string, by: number): Promise<number | 'not-an-integer'>
  /** Drops what this process last knew of an identity that was changed or removed by other ways than this. */
  forget(environmentId: number, identifier: string): void
  /** How many sightings were answered from memory because the store could not be reached, since the process started. */
  degradedCount(): number
  /** Resolves when everything that was asked for is settled. */
  close(): Promise<void>
}

export interface IdentityStoreOptions {
  readonly log: Log
  readonly now: () => Date
  readonly layout?: StoreLayout
  /** After which a sighting is answered from memory. */
  readonly deadlineMs?: number
}

const rowsMax = { server: 256, embedded: 64 } as const
const lanesMax = 4
// Of a sharded store each lane writes to buckets of its own, so that a statement concerns few shards.
const shardLanes = 16

/** Identities and their traits, written in batches as large as the database is slow: see `createGroupCommit`. */
export function createIdentityStore(database: Database, options: IdentityStoreOptions): IdentityStore {
  const { log, now, layout = 'one-table', deadlineMs = 1000 } = options
  const lastKnown = createLastKnown()
  const degradation = createDegradation(log, now)
  const batches = { pool: database.pool, statements: batchStatements(layout), lastKnown, now }
  const group = (lanes: number) =>
    createGroupCommit<Sighted, RememberedIdentity>({
      lanes,
      sizeMax: database.embedded ? rowsMax.embedded : rowsMax.server,
      deadlineMs,
      work: (batch) => workBatch(batches, batch),
    })
  // The embedded database has one session, and a lane without a connection would only wait for one.
  const ordinaryLanes = database.embedded ? 1 : Math.min(lanesMax, database.pool.options.max)
  const groups = layout === 'sharded' ? Array.from({ length: shardLanes }, () => group(1)) : [group(ordinaryLanes)]
  const increments = createGroupCommit<Increment, number | 'not-an-integer'>({
    // Few callers add; they must not take the connections of all others.
    lanes: Math.min(2, ordinaryLanes),
    sizeMax: 1,
    deadlineMs,
    work: async ([request]) => request?.resolve(await increment(batches, request.item)),
  })

  return {
    async rememberIdentity({ environmentId }, sighting) {
      const key = identityKey(environmentId, sighting.identifier)
      const group = groups[key.bucket % groups.length]
      if (!group) throw new Error(`Bucket ${key.bucket} has no lane.`)
      try {
        return await group.submit({ key, sighting })
      } catch (error) {
        if (!isStoreUnreachable(error)) throw error
        degradation.count(error)
        const traits = lastKnown.get(nameOf(key))
        return { existed: traits !== undefined, traits: traits ?? new Map(), degraded: true }
      }
    },
    async incrementTrait({ environmentId }, identifier, trait, by) {
      const key = identityKey(environmentId, identifier)
      try {
        const sum = await increments.submit({ key, trait, by })
        const known = lastKnown.get(nameOf(key))
        if (known && sum !== 'not-an-integer') lastKnown.set(nameOf(key), withTraits(known, new Map([[trait, sum]])))
        return sum
      } catch (error) {
        if (!isStoreUnreachable(error)) throw error
        // No Retry-After: who adds again without looking may add twice.
        throw new Problem('unavailable', 'Identities cannot be reached. The addition may have been applied: read the trait first.')
      }
    },
    forget: (environmentId, identifier) => lastKnown.delete(nameOf({ environmentId, identifier })),
    degradedCount: degradation.total,
    async close() {
      await Promise.all([...groups, increments].map((group) => group.idle()))
    },
  }
}

const isStoreUnreachable = (error: unknown) => error instanceof DeadlineExceeded || isDatabaseUnavailable(error)

interface Sighted {
  readonly key: IdentityKey
  readonly sighting: IdentitySighting
}

type SightedRequest = Request<Sighted, RememberedIdentity>

interface Batches {
  readonly pool: pg.Pool
  readonly statements: BatchStatements
  readonly lastKnown: RecentlyUsed<StoredTraits>
  readonly now: () => Date
}

const conflictAttempts = 4

/** Settles every request. One that the database refuses fails alone: the batch is halved until it is by itself. */
async function workBatch(batches: Batches, batch: readonly SightedRequest[]): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    const open = batch.filter((request) => !request.settled)
    if (open.length === 0) return
    try {
      await attemptBatch(batches, open)
      return
    } catch (error) {
      const state = error instanceof pg.DatabaseError ? (error.code ?? '') : ''
      if (isConflict(state) && tried < conflictAttempts) continue
      if (!isRefusal(state) || open.length === 1) throw error
      const middle = Math.ceil(open.length / 2)
      // One after the other: of one identity the earlier sighting stays the earlier one.
      await settleBatch(batches, open.slice(0, middle))
      await settleBatch(batches, open.slice(middle))
      return
    }
  }
}

async function settleBatch(batches: Batches, batch: readonly SightedRequest[]): Promise<void> {
  try {
    await workBatch(batches, batch)
  } catch (error) {
    for (const request of batch) request.reject(error)
  }
}

/** Deadlock, serialisation failure. */
const isConflict = (state: string) => state === '40P01' || state === '40001'

/** What is the fault of a row: data, constraint, program limit, a row twice. */
const isRefusal = (state: string) => /^(?:22|23|54)/.test(state) || state === '21000'

/** Reads, finds the difference here, writes only what is new: most sightings bring nothing new and cost no write at all. */
async function attemptBatch({ pool, statements, lastKnown, now }: Batches, batch: readonly SightedRequest[]): Promise<void> {
  const chains = chainByIdentity(batch)
  await withClient(pool, async (client) => {
    const { rows } = await client.query<StoredRow>(statements.read(chains.map((chain) => chain.key)))
    const found = traitsByName(rows)
    const steps = chains.map((chain) => follow(chain, found.get(nameOf(chain.key))))
    const changed = steps.filter((step) => step.isChanged)
    for (const step of steps) if (!step.isChanged) settle(step, step.traits, lastKnown)
    if (changed.length === 0) return
    const writes = changed.map(({ chain, brought }) => ({ ...chain.key, traits: traitsJson(brought) }))
    const stored = traitsByName(await writeBatch(client, statements, { writes, at: now() }))
    for (const step of changed) settle(step, inOrderOf(step.traits, stored.get(nameOf(step.chain.key)) ?? step.traits), lastKnown)
  })
}

async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let isUsable = true
  try {
    return await work(client)
  } catch (error) {
    isUsable = isConnectionUsable(error)
    throw error
  } finally {
    client.release(!isUsable)
  }
}

const traitsByName = (rows: readonly StoredRow[]): Map<string, StoredTraits> =>
  new Map(rows.map((row) => [nameOf({ environmentId: row.environment_id, identifier: row.identifier }), readTraits(row.traits)]))

/** All sightings of one identity in a batch, in the order in which they came. */
interface Chain {
  readonly key: IdentityKey
  readonly requests: SightedRequest[]
}

function chainByIdentity(batch: readonly SightedRequest[]): Chain[] {
  const chains = new Map<string, Chain>()
  for (const request of batch) {
    const name = nameOf(request.item.key)
    const chain = chains.get(name)
    if (chain) chain.requests.push(request)
    else chains.set(name, { key: request.item.key, requests: [request] })
  }
  return [...chains.values()].sort((one, other) => compareKeys(one.key, other.key))
}

type Answer = { readonly existed: boolean; readonly traits: StoredTraits } | { readonly refusal: Problem }

interface Step {
  readonly chain: Chain
  readonly answers: Answer[]
  /** From this answer on nothing more changed, so these know what was stored in the end. */
  readonly settledFrom: number
  readonly isChanged: boolean
  /** Whether there is such an identity after the last sighting. */
  readonly isKnown: boolean
  /** What is known after the last sighting. */
  readonly traits: StoredTraits
  /** Everything that was brought, not only what differs: then what is stored is as if one writer had come after the other. */
  readonly brought: ReadonlyMap<string, TraitValue>
}

/** Each sighting is answered with what was known before it and what it brings, and nothing of those behind it. */
function follow(chain: Chain, found: StoredTraits | undefined): Step {
  const answers: Step['answers'] = []
  const brought = new Map<string, TraitValue>()
  let known = found
  let settledFrom = 0
  let isChanged = false
  for (const { item } of chain.requests) {
    const before = known ?? new Map()
    if (item.sighting.mode === 'persist') {
      const after = withTraits(before, item.sighting.traits)
      if (isOverfull(before, after)) {
        answers.push({ refusal: overfull() })
        continue
      }
      for (const [key, value] of item.sighting.traits) brought.set(key, value)
      if (known === undefined || after !== before) {
        isChanged = true
        settledFrom = answers.length
      }
      answers.push({ existed: known !== undefined, traits: after })
      known = after
    } else answers.push({ existed: known !== undefined, traits: before })
  }
  return { chain, answers, settledFrom, isChanged, isKnown: known !== undefined, traits: known ?? new Map(), brought }
}

/** Another process may add at the same time, so an identity can end up with a little more; from then on it takes nothing new. */
const isOverfull = (before: StoredTraits, after: StoredTraits) => after.size > identityTraitsMax && after.size > before.size

function settle(
  { chain, answers, settledFrom, isChanged, isKnown }: Step,
  stored: StoredTraits,
  lastKnown: RecentlyUsed<StoredTraits>,
): void {
  if (isKnown) lastKnown.set(nameOf(chain.key), stored)
  for (const [index, request] of chain.requests.entries()) {
    const answer = answers[index]
    if (!answer) continue
    if ('refusal' in answer) request.reject(answer.refusal)
    else request.resolve({ existed: answer.existed, traits: isChanged && index >= settledFrom ? stored : answer.traits, degraded: false })
  }
}

interface Increment {
  readonly key: IdentityKey
  readonly trait: string
  readonly by: number
}

async function increment({ pool, statements, now }: Batches, { key, trait, by }: Increment): Promise<number | 'not-an-integer'> {
  return withClient(pool, async (client) => {
    const { rows } = await client.query<{ value: number }>(incrementStatement(key, { trait, by, at: now() }))
    const sum = rows[0]?.value
    if (sum !== undefined) return sum
    // Nothing was added: because of what the trait holds, or because there is no room for it.
    const found = await client.query<StoredRow>(statements.read([key]))
    if (found.rows[0] && !readTraits(found.rows[0].traits).has(trait)) throw overfull()
    return 'not-an-integer'
  })
}
