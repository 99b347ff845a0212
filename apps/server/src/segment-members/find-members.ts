import type { Queryable } from '../access/rows.ts'
import { countIdentities } from '../identities/search-queries.ts'
import { RecentlyUsed } from '../runtime/recently-used.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Member, MembersThread } from './members-thread.ts'
import { readIdentities, readSample } from './queries.ts'

export interface MemberCount {
  readonly count: number
  readonly is_exact: boolean
  /** Of how many identities the count was made. */
  readonly evaluated: number
}

interface Sample extends MemberCount {
  readonly some: readonly Member[]
}

/** A segment by itself in an environment; see `segmentAlone`. */
export interface SegmentIn {
  readonly environmentId: number
  readonly segment: string
}

export interface Members {
  /** A page by identifier. It looks at so many at most, so that it may be short while there is a next one. */
  page(of: SegmentIn, asked: { after: string; limit: number }): Promise<{ results: readonly Member[]; next: string | null }>
  /** How many, by a sample, and some of them. */
  sample(of: SegmentIn): Promise<Sample>
  /** How many exactly; undefined when that takes longer than anybody waits. It goes on, and is then known for a while. */
  countAll(of: SegmentIn): Promise<MemberCount | undefined>
}

const pageMax = { server: 2000, embedded: 1000 } as const
const scannedMax = 100_000
const sampleMax = 10_000
const shownMax = 20
const keptMs = 10_000
const waitMs = 25_000

interface Means {
  readonly identities: Queryable
  readonly thread: MembersThread
  /** How many identities are read at a time. */
  readonly pageMax: number
}

export function createMembers({ identities, now, log }: Runtime, thread: MembersThread): Members {
  const means: Means = { identities: identities.db, thread, pageMax: identities.embedded ? pageMax.embedded : pageMax.server }
  const sampled = rememberFor<Sample>(now)
  const counted = rememberFor<MemberCount>(now)
  return {
    page: (of, asked) => readPage(means, of, asked),
    sample: (of) => sampled(of, () => takeSample(means, of)),
    async countAll(of) {
      const counting = counted(of, () => countMembers(means, of))
      counting.catch((error: unknown) => log.warn({ err: error }, 'the members of a segment could not be counted'))
      const patience = AbortSignal.timeout(waitMs)
      const impatience = new Promise<undefined>((resolve) => patience.addEventListener('abort', () => resolve(undefined), { once: true }))
      return Promise.race([counting, impatience])
    },
  }
}

/** The members of one page of identities after another; a page is read while the one before is evaluated. */
async function* walk({ identities, thread, pageMax: limit }: Means, { environmentId, segment }: SegmentIn, start: string) {
  let reading = readIdentities(identities, environmentId, { after: start, limit })
  while (true) {
    const { json, size, last } = await reading
    if (last === null) return
    const found = thread.findMembers(segment, json)
    if (size === limit) {
      reading = readIdentities(identities, environmentId, { after: last, limit })
      // Whoever has seen enough does not ask for it.
      reading.catch(() => undefined)
    }
    yield { members: await found, size, last }
    if (size < limit) return
  }
}

async function readPage(means: Means, of: SegmentIn, asked: { after: string; limit: number }): ReturnType<Members['page']> {
  const results: Member[] = []
  let scanned = 0
  for await (const { members, size, last } of walk(means, of, asked.after)) {
    results.push(...members)
    scanned += size
    if (results.length > asked.limit) {
      const shown = results.slice(0, asked.limit)
      return { results: shown, next: shown.at(-1)?.identifier ?? null }
    }
    if (scanned >= scannedMax && size === means.pageMax) return { results, next: last }
  }
  return { results, next: null }
}

async function countMembers(means: Means, of: SegmentIn): Promise<MemberCount> {
  let [count, evaluated] = [0, 0]
  for await (const { members, size } of walk(means, of, '')) {
    count += members.length
    evaluated += size
  }
  return { count, is_exact: true, evaluated }
}

async function takeSample({ identities, thread, pageMax: limit }: Means, { environmentId, segment }: SegmentIn): Promise<Sample> {
  let [found, evaluated, afterId]: [number, number, number | null] = [0, 0, 0]
  const some: Member[] = []
  while (evaluated < sampleMax && afterId !== null) {
    const page = await readSample(identities, environmentId, { afterId, limit: Math.min(limit, sampleMax - evaluated) })
    const members = await thread.findMembers(segment, page.json)
    found += members.length
    evaluated += page.size
    some.push(...members.slice(0, shownMax - some.length))
    afterId = page.last
  }
  const total = evaluated < sampleMax ? evaluated : await countIdentities(identities, environmentId)
  const isExact = total <= evaluated
  return { count: isExact ? found : Math.round((found / evaluated) * total), is_exact: isExact, evaluated, some }
}

/** Who asks again within a short time, or while it is being found out, is told the same. The rules are the key: others, another answer. */
function rememberFor<Answer>(now: () => Date) {
  const known = new RecentlyUsed<{ readonly at: number; readonly answer: Promise<Answer> }>({
    entriesMax: 100,
    sizeMax: 10_000_000,
    sizeOf: (key) => key.length,
  })
  return ({ environmentId, segment }: SegmentIn, find: () => Promise<Answer>): Promise<Answer> => {
    const key = `${environmentId}:${segment}`
    const before = known.get(key)
    if (before && now().getTime() - before.at < keptMs) return before.answer
    const answer = find()
    known.set(key, { at: now().getTime(), answer })
    answer.catch(() => known.delete(key))
    return answer
  }
}
