import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Database } from '../runtime/database.ts'
import { openTestDatabase, quiet } from '../testing/test-database.ts'
import { countedName, createUsageCounter, type UsageCounterOptions } from './count-requests.ts'
import { purgeUsage } from './purge-usage.ts'
import { recordEvents } from './record-events.ts'

let control: Database
let place = { environmentId: 0 }

beforeAll(async () => {
  control = await openTestDatabase()
})
afterAll(() => control.close())
beforeEach(() => {
  place = { environmentId: place.environmentId + 1 }
})

const noLabels = { userAgent: undefined, applicationName: undefined, applicationVersion: undefined }
const open = (options: Partial<UsageCounterOptions> = {}, on = control) =>
  createUsageCounter(on, { log: quiet, now: () => new Date('2026-03-01T10:59:59Z'), flushMs: 60_000, ...options })

const counted = () =>
  control.db
    .selectFrom('usage_counts')
    .select(['hour', 'resource', 'feature_name', 'user_agent', 'application_name', 'count'])
    .where('environment_id', '=', place.environmentId)
    .orderBy('resource')
    .orderBy('feature_name')
    .orderBy('user_agent')
    .execute()

test('requests are summed by hour, resource and labels', async () => {
  const usage = open()
  const node = { ...noLabels, userAgent: 'flagsmith-nodejs-sdk/8.1.2', applicationName: 'shop' }
  for (let count = 0; count < 3; count += 1) usage.countRequest(place, 'flags', node)
  usage.countRequest(place, 'flags', noLabels)
  usage.countRequest(place, 'environment-document', noLabels)
  await usage.flush()
  usage.countRequest(place, 'flags', node)
  await usage.close()
  const hour = new Date('2026-03-01T10:00:00Z')
  const row = { hour, feature_name: '', user_agent: '', application_name: '', count: 1 }
  expect(await counted()).toEqual([
    { ...row, resource: 'environment-document' },
    { ...row, resource: 'flags' },
    { ...row, resource: 'flags', user_agent: 'flagsmith-nodejs-sdk/8.1.2', application_name: 'shop', count: 4 },
  ])
})

test('evaluations are summed by feature, also of the longest names and the largest counts', async () => {
  const usage = open()
  const long = 'é'.repeat(2000)
  usage.countEvaluations(
    place,
    [
      { featureName: 'beta', count: 2 },
      { featureName: long, count: 1 },
      { featureName: 'big', count: Number.MAX_SAFE_INTEGER },
    ],
    noLabels,
  )
  await usage.flush()
  usage.countEvaluations(
    place,
    [
      { featureName: 'beta', count: 3 },
      { featureName: 'big', count: Number.MAX_SAFE_INTEGER },
    ],
    noLabels,
  )
  await usage.close()
  expect((await counted()).map((row) => [row.resource, row.feature_name, row.count])).toEqual([
    ['evaluations', 'beta', 5],
    ['evaluations', 'big', Number.MAX_SAFE_INTEGER],
    ['evaluations', countedName(long), 1],
  ])
})

test('labels that are too many are counted without them', async () => {
  const usage = open({ keysMax: { perEnvironment: 2, together: 100 } })
  for (let caller = 0; caller < 10; caller += 1) usage.countRequest(place, 'flags', { ...noLabels, userAgent: `caller ${caller}` })
  usage.countRequest(place, 'flags', { ...noLabels, userAgent: 'caller 0' })
  await usage.close()
  expect((await counted()).map((row) => [row.user_agent, row.count])).toEqual([
    ['', 8],
    ['caller 0', 2],
    ['caller 1', 1],
  ])
})

test('two processes that write the same counters lose nothing', async () => {
  const [one, other] = [open(), open()]
  for (let round = 0; round < 20; round += 1) {
    for (let feature = 0; feature < 50; feature += 1) {
      one.countEvaluations(place, [{ featureName: `feature ${feature}`, count: 1 }], noLabels)
      other.countEvaluations(place, [{ featureName: `feature ${49 - feature}`, count: 1 }], noLabels)
    }
    await Promise.all([one.flush(), other.flush()])
  }
  await Promise.all([one.close(), other.close()])
  expect((await counted()).map((row) => row.count)).toEqual(Array.from({ length: 50 }, () => 40))
})

test('without a database counts are kept and nothing is thrown', async () => {
  const lost = await openTestDatabase()
  await lost.close()
  let current = lost
  const switching: Database = {
    ...lost,
    get db() {
      return current.db
    },
  }
  const usage = open({}, switching)
  usage.countRequest(place, 'flags', noLabels)
  await usage.flush()
  usage.countRequest(place, 'flags', noLabels)
  current = control
  await usage.close()
  expect(await counted()).toMatchObject([{ resource: 'flags', count: 2 }])
})

test('events are stored as they came, more of them than one statement takes', async () => {
  const event = {
    event: 'checkout',
    featureName: 'beta',
    identifier: 'ada',
    value: { sum: 12.5 },
    traits: { plan: 'pro' },
    metadata: null,
    timestamp: new Date('2026-03-01T10:00:00.123Z'),
  }
  const at = new Date('2026-03-01T10:00:01Z')
  await recordEvents(control, place, {
    at,
    events: Array.from({ length: 2500 }, (_, index) => ({ ...event, value: index === 0 ? event.value : index })),
  })
  const rows = await control.db
    .selectFrom('sdk_events')
    .selectAll()
    .where('environment_id', '=', place.environmentId)
    .orderBy('id')
    .execute()
  expect(rows).toHaveLength(2500)
  expect(rows[0]).toMatchObject({
    event: 'checkout',
    feature_name: 'beta',
    identifier: 'ada',
    value: event.value,
    traits: event.traits,
    metadata: null,
    at: event.timestamp,
    received_at: at,
  })
  expect(rows.at(-1)?.value).toBe(2499)
})

test('what is older than it is kept is purged, and nothing else', async () => {
  const [old, recent] = [new Date(Date.now() - 91 * 86_400_000), new Date(Date.now() - 89 * 86_400_000)]
  for (const now of [old, recent]) {
    const usage = open({ now: () => now })
    usage.countRequest(place, 'flags', noLabels)
    await usage.close()
    const event = { event: 'checkout', featureName: null, identifier: 'ada', value: null, traits: null, metadata: null, timestamp: now }
    await recordEvents(control, place, { at: now, events: [event] })
  }
  await purgeUsage(control, 90)
  expect((await counted()).map(({ hour }) => hour.getTime())).toEqual([Math.floor(recent.getTime() / 3_600_000) * 3_600_000])
  const events = await control.db.selectFrom('sdk_events').select('at').where('environment_id', '=', place.environmentId).execute()
  expect(events).toEqual([{ at: recent }])
})
