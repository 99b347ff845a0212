import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { openTestDatabase, quiet } from '../testing/test-database.ts'
import type { Database } from './database.ts'
import { claimJobs, finishJob, maxAttempts } from './job-queue.ts'
import { enqueue, startWorker, type JobHandler, type JobRequest, type JobWorker } from './jobs.ts'

let database: Database
const workers: JobWorker[] = []

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()))
  await database.pool.query('delete from jobs')
})

interface Row {
  name: string
  payload: unknown
  attempts: number
  last_error: string | null
  failed: boolean
  leased: boolean
}

const jobs = async () =>
  (
    await database.pool.query<Row>(
      `select name, payload, attempts, last_error, failed_at is not null as failed, lease_token is not null as leased
         from jobs order by id`,
    )
  ).rows
const ask = (request: JobRequest) => database.transaction((tx) => enqueue(tx, request))
const noJobsLeft = () => vi.waitFor(async () => expect(await jobs()).toEqual([]), { timeout: 10_000 })

/** Polls so seldom that only a notification, the end of a job or a due time can be what wakes it. */
async function work(handlers: Record<string, JobHandler>, concurrency = 4): Promise<JobWorker> {
  const worker = startWorker(database, handlers, {
    log: quiet,
    now: () => new Date(),
    concurrency,
    pollMs: 60_000,
    retryDelaySeconds: () => 0,
  })
  workers.push(worker)
  await worker.listening
  return worker
}

function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

test('a job runs once, with its payload, and is gone', async () => {
  const ran: unknown[] = []
  await ask({ name: 'greet', payload: { to: 'Ada', tags: ['x'] } })
  await work({ greet: async (payload, { attempt }) => void ran.push([payload, attempt]) })
  await noJobsLeft()
  expect(ran).toEqual([[{ to: 'Ada', tags: ['x'] }, 1]])
})

test('a worker is woken by the commit of the transaction that enqueued', async () => {
  const ran: unknown[] = []
  await work({ greet: async (payload) => void ran.push(payload) })
  for (const payload of ['first', 'second', 'third']) {
    await ask({ name: 'greet', payload })
    await noJobsLeft()
  }
  expect(ran).toEqual(['first', 'second', 'third'])
})

test('a job of a transaction that was rolled back never was', async () => {
  const undone = database.transaction(async (tx) => {
    await enqueue(tx, { name: 'greet', payload: 1 })
    throw new Error('undone')
  })
  await expect(undone).rejects.toThrow('undone')
  expect(await jobs()).toEqual([])
})

test('a job that throws is run again, and says why meanwhile', async () => {
  const attempts: number[] = []
  const seen: Array<string | null | undefined> = []
  await ask({ name: 'flaky', payload: null })
  await work({
    flaky: async (_payload, { attempt }) => {
      attempts.push(attempt)
      seen.push((await jobs())[0]?.last_error)
      if (attempt < 3) throw new Error(`attempt ${attempt} failed`)
    },
  })
  await noJobsLeft()
  expect(attempts).toEqual([1, 2, 3])
  expect(seen).toEqual([null, 'Error: attempt 1 failed', 'Error: attempt 2 failed'])
})

test('a job that always throws is given up after ten attempts and kept with its last error; others go on', async () => {
  await ask({ name: 'poison', payload: 'bad' })
  await ask({ name: 'greet', payload: 'good' })
  let greeted = 0
  await work({
    poison: async (_payload, { attempt }) => Promise.reject(new Error(`no. ${attempt}`)),
    greet: async () => void (greeted += 1),
  })
  const dead = {
    name: 'poison',
    payload: 'bad',
    attempts: maxAttempts,
    last_error: `Error: no. ${maxAttempts}`,
    failed: true,
    leased: false,
  }
  await vi.waitFor(async () => expect(await jobs()).toEqual([dead]), { timeout: 10_000 })
  expect(greeted).toBe(1)
})

test('of the jobs that wait with one key there is one, with the newest payload', async () => {
  await ask({ name: 'rebuild', payload: 'old', key: 'project 1' })
  await ask({ name: 'rebuild', payload: 'new', key: 'project 1' })
  await ask({ name: 'rebuild', payload: 'other', key: 'project 2' })
  await ask({ name: 'purge', payload: 'same key, other name', key: 'project 1' })
  expect((await jobs()).map((job) => job.payload)).toEqual(['new', 'other', 'same key, other name'])
})

test('a keyed job enqueued while its like is running runs after it', async () => {
  const ran: unknown[] = []
  const [started, finish] = [gate(), gate()]
  await ask({ name: 'rebuild', payload: 'first', key: 'k' })
  await work({
    rebuild: async (payload) => {
      ran.push(payload)
      started.open()
      if (payload === 'first') await finish.opened
    },
  })
  await started.opened
  await ask({ name: 'rebuild', payload: 'second', key: 'k' })
  expect(await jobs()).toHaveLength(2)
  finish.open()
  await noJobsLeft()
  expect(ran).toEqual(['first', 'second'])
})

test('a keyed job that fails makes way for its like that waits', async () => {
  const ran: unknown[] = []
  const [started, fail] = [gate(), gate()]
  await ask({ name: 'rebuild', payload: 'first', key: 'k' })
  await work(
    {
      rebuild: async (payload) => {
        ran.push(payload)
        started.open()
        if (payload !== 'first') return
        await fail.opened
        throw new Error('first failed')
      },
    },
    1,
  )
  await started.opened
  await ask({ name: 'rebuild', payload: 'second', key: 'k' })
  fail.open()
  await noJobsLeft()
  expect(ran).toEqual(['first', 'second'])
})

test('a job for later runs when its time has come, without waiting for a poll', async () => {
  const { rows } = await database.pool.query<{ soon: Date; now: Date }>(
    `select clock_timestamp() + interval '300 ms' as soon, clock_timestamp() as now`,
  )
  const [clock] = rows
  let ranAt = new Date(0)
  await ask({ name: 'later', payload: null, ...(clock ? { runAt: clock.soon } : {}) })
  await work({
    later: async () => {
      ranAt = (await database.pool.query<{ now: Date }>('select clock_timestamp() as now')).rows[0]?.now ?? ranAt
    },
  })
  await noJobsLeft()
  expect(ranAt.getTime()).toBeGreaterThanOrEqual(clock?.soon.getTime() ?? Infinity)
})

test('a job whose worker stopped is handed over when its lease ends, and the first worker cannot mark it any more', async () => {
  await ask({ name: 'greet', payload: 'handed over' })
  const [stalled] = await claimJobs(database, ['greet'], 1)
  await database.pool.query(`update jobs set leased_until = clock_timestamp() - interval '1 second'`)
  const [again] = await claimJobs(database, ['greet'], 1)
  expect([stalled?.attempt, again?.attempt]).toEqual([1, 2])
  if (!stalled || !again) throw new Error('The job was not claimed twice.')
  expect(await finishJob(database, stalled)).toBe(false)
  expect(await finishJob(database, again)).toBe(true)
})

test('a leased job is nobody else’s', async () => {
  await ask({ name: 'greet', payload: 1 })
  expect(await claimJobs(database, ['greet'], 10)).toHaveLength(1)
  expect(await claimJobs(database, ['greet'], 10)).toEqual([])
})

test('jobs without a handler here are left for others', async () => {
  await ask({ name: 'unknown', payload: 1 })
  await ask({ name: 'greet', payload: 1 })
  const done = gate()
  await work({ greet: async () => done.open() })
  await done.opened
  await vi.waitFor(async () => expect((await jobs()).map((job) => [job.name, job.attempts])).toEqual([['unknown', 0]]))
})

test('stopping waits for the job that runs, and starts no other', async () => {
  const ran: unknown[] = []
  const [started, finish] = [gate(), gate()]
  await ask({ name: 'long', payload: 1 })
  await ask({ name: 'long', payload: 2 })
  const worker = await work({ long: async (payload) => (started.open(), await finish.opened, void ran.push(payload)) }, 1)
  await started.opened
  let stopped = false
  const stopping = worker.stop().then(() => (stopped = true))
  await database.pool.query('select 1')
  expect(stopped).toBe(false)
  finish.open()
  await stopping
  expect(ran).toEqual([1])
  expect((await jobs()).map((job) => job.payload)).toEqual([2])
})

test('two workers share the jobs and run none twice', async () => {
  const ran: unknown[] = []
  const handlers = { count: async (payload: unknown) => void ran.push(payload) }
  await database.transaction(async (tx) => {
    for (let number = 0; number < 60; number += 1) await enqueue(tx, { name: 'count', payload: number })
  })
  await Promise.all([work(handlers), work(handlers)])
  await noJobsLeft()
  expect(ran.toSorted((one, other) => Number(one) - Number(other))).toEqual(Array.from({ length: 60 }, (_, number) => number))
})

test('a handler is outside any transaction, so it may ask the database and enqueue', async () => {
  const ran: unknown[] = []
  await ask({ name: 'parent', payload: null })
  await work({
    parent: async () => database.transaction((tx) => enqueue(tx, { name: 'child', payload: 'from parent' })),
    child: async (payload) => void ran.push(payload),
  })
  await noJobsLeft()
  expect(ran).toEqual(['from parent'])
})
