import type { CountedResource, EnvironmentSnapshot, EvaluationCount, RequestLabels } from '@halyard/sdk-api'
import { sql } from 'kysely'
import { isDatabaseUnavailable, type Database } from '../runtime/database.ts'
import type { Log } from '../runtime/runtime.ts'
import { announceFirstEvaluation, noteEvaluatedFeatures } from './record-evaluations.ts'

type OfEnvironment = Pick<EnvironmentSnapshot, 'environmentId'>

export interface UsageCounter {
  countRequest(environment: OfEnvironment, resource: CountedResource, labels: RequestLabels): void
  /** The features are known to exist, so that there are not more names than features. */
  countEvaluations(
    environment: OfEnvironment,
    counts: readonly Pick<EvaluationCount, 'featureName' | 'count'>[],
    labels: RequestLabels,
  ): void
  /** Writes what is counted; resolves when it is written, or kept for the next time. */
  flush(): Promise<void>
  /** Writes what is counted; what is counted later is lost. */
  close(): Promise<void>
}

export interface UsageCounterOptions {
  readonly log: Log
  readonly now: () => Date
  readonly flushMs?: number
  readonly keysMax?: KeysMax
}

/** How many counters there may be, of one environment between two flushes and of all together. */
interface KeysMax {
  readonly perEnvironment: number
  readonly together: number
}

const rowsPerStatement = 500

/** Counts in memory, written about once a second. Counting is never in the way: what cannot be written waits, within bounds. */
export function createUsageCounter(control: Database, options: UsageCounterOptions): UsageCounter {
  const { log, now, flushMs = 1000, keysMax = { perEnvironment: 2000, together: 50_000 } } = options
  let pending = createPendingCounts(keysMax)
  const writeSome = createWriter(control, now)
  let flushing: Promise<void> | undefined
  const timer = setInterval(() => void flush(), flushMs)
  timer.unref()

  const flush = (): Promise<void> =>
    (flushing ??= writeAll().finally(() => {
      flushing = undefined
    }))

  async function writeAll(): Promise<void> {
    const rows = pending.inOrder()
    pending = createPendingCounts(keysMax)
    for (let start = 0; start < rows.length; start += rowsPerStatement) {
      try {
        await writeSome(rows.slice(start, start + rowsPerStatement))
      } catch (error) {
        if (isDatabaseUnavailable(error)) {
          log.warn({ err: error }, 'usage cannot be written now; it is kept in memory')
          for (const row of rows.slice(start)) pending.add(row)
          return
        }
        // It would fail again and keep out all that comes after it.
        log.error({ err: error, counters: Math.min(rowsPerStatement, rows.length - start) }, 'usage could not be written and is lost')
      }
    }
  }

  function where({ environmentId }: OfEnvironment, { userAgent = '', applicationName = '', applicationVersion = '' }: RequestLabels) {
    return { environmentId, hour: hourOf(now()), userAgent, applicationName, applicationVersion }
  }

  return {
    countRequest: (environment, resource, labels) => pending.add({ ...where(environment, labels), resource, featureName: '', count: 1 }),
    countEvaluations(environment, evaluations, labels) {
      const place = where(environment, labels)
      for (const { featureName, count } of evaluations)
        pending.add({ ...place, resource: 'evaluations', featureName: countedName(featureName), count })
    },
    flush,
    async close() {
      clearInterval(timer)
      // One that is under way does not have what was counted since it began.
      await flushing
      await flush()
    },
  }
}

function createWriter(control: Database, now: () => Date) {
  // Environments whose first evaluation is announced, by this process or before.
  const announced = new Set<number>()

  async function announceSome(rows: readonly Count[]): Promise<void> {
    for (const { environmentId, resource, userAgent } of rows) {
      if (announced.has(environmentId) || !deliversFlags.has(resource)) continue
      await announceFirstEvaluation(control, environmentId, userAgent || undefined)
      announced.add(environmentId)
    }
  }

  return async (rows: readonly Count[]): Promise<void> => {
    await announceSome(rows)
    const evaluations = rows.filter(({ resource }) => resource === 'evaluations')
    await noteEvaluatedFeatures(control, evaluations, now())
    // Last: what was counted must not be counted again when the others are tried again.
    await writeCounts(control, rows)
  }
}

const deliversFlags: ReadonlySet<Count['resource']> = new Set(['flags', 'identities', 'environment-document'])

const hourMs = 3_600_000
const hourOf = (instant: Date) => new Date(Math.floor(instant.getTime() / hourMs) * hourMs)

/** How many characters of a feature's name its evaluations are counted under: a row of an index holds no more. */
export const countedLengthMax = 250
export const countedName = (featureName: string) =>
  featureName.length <= countedLengthMax ? featureName : Array.from(featureName).slice(0, countedLengthMax).join('')

interface Count {
  readonly environmentId: number
  readonly hour: Date
  readonly resource: CountedResource | 'evaluations'
  readonly featureName: string
  readonly userAgent: string
  readonly applicationName: string
  readonly applicationVersion: string
  readonly count: number
}

/** Labels are whatever callers send: those that are too many are counted all the same, without them. */
function createPendingCounts({ perEnvironment, together }: KeysMax) {
  const counts = new Map<string, Count>()
  const sizes = new Map<number, number>()

  function add(count: Count): void {
    const key = keyOf(count)
    const { environmentId } = count
    const size = sizes.get(environmentId) ?? 0
    const known = counts.get(key)
    if (known) {
      // A caller may report any number; a sum must stay exact.
      counts.set(key, { ...known, count: Math.min(known.count + count.count, Number.MAX_SAFE_INTEGER) })
    } else if ((size < perEnvironment && counts.size < together) || !isLabelled(count)) {
      counts.set(key, count)
      sizes.set(environmentId, size + 1)
    } else add({ ...count, userAgent: '', applicationName: '', applicationVersion: '' })
  }

  return {
    add,
    /** The same order in all processes, so that no two wait for each other. */
    inOrder: () => [...counts].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, count]) => count),
  }
}

const isLabelled = ({ userAgent, applicationName, applicationVersion }: Count) =>
  userAgent !== '' || applicationName !== '' || applicationVersion !== ''

// Headers hold no NUL, and neither does the name of a feature.
const keyOf = (count: Count) =>
  [
    count.environmentId,
    count.hour.getTime(),
    count.resource,
    count.featureName,
    count.userAgent,
    count.applicationName,
    count.applicationVersion,
  ].join('\0')

async function writeCounts(control: Database, rows: readonly Count[]): Promise<void> {
  const column = <Name extends keyof Count>(name: Name) => rows.map((row) => row[name])
  await sql`
    insert into usage_counts as u (environment_id, hour, resource, feature_name, user_agent, application_name, application_version, count)
    select *
      from unnest(
        ${column('environmentId')}::integer[], ${column('hour')}::timestamptz[], ${column('resource')}::text[],
        ${column('featureName')}::text[], ${column('userAgent')}::text[], ${column('applicationName')}::text[],
        ${column('applicationVersion')}::text[], ${column('count')}::bigint[]
      )
    on conflict (environment_id, hour, resource, feature_name, user_agent, application_name, application_version)
    do update set count = least(u.count::numeric + excluded.count, ${Number.MAX_SAFE_INTEGER})::bigint`.execute(control.db)
}
