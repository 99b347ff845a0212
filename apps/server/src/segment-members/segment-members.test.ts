import { api, type WrittenRule } from '@halyard/contract'
import { identityBucket, identityId } from '@halyard/sdk-api'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const where = (property: string, operator: 'EQUAL' | 'PERCENTAGE_SPLIT' | 'REGEX', value: string): WrittenRule => ({
  type: 'ALL',
  conditions: [{ property, operator, value }],
})

async function startMembers(identities: readonly { identifier: string; traits: object }[]) {
  const { authorization, project, environment } = await server.makeProject()
  const rows = identities.map(({ identifier, traits }) => ({
    identifier,
    traits: JSON.stringify(traits),
    id: identityId(environment.id, identifier),
  }))
  for (let start = 0; start < rows.length; start += 5000) {
    const some = rows.slice(start, start + 5000)
    await server.runtime.identities.pool.query(
      `insert into identities (environment_id, bucket, identifier, id, traits, created_at, updated_at)
       select $1, bucket, identifier, id, traits::jsonb, now(), now()
         from unnest($2::smallint[], $3::text[], $4::bigint[], $5::text[]) as k (bucket, identifier, id, traits)`,
      [
        environment.id,
        some.map(({ id }) => identityBucket(id)),
        some.map((row) => row.identifier),
        some.map(({ id }) => id),
        some.map((row) => row.traits),
      ],
    )
  }
  const segments = server.as(authorization, api.segments)
  const members = server.as(authorization, api.segmentMembers)
  const inProject = { project: project.id }
  const makeSegment = (rules: WrittenRule[]) => segments.create({ params: inProject, body: { name: 'Gold', rules } })
  const list = (segment: number, query: object = {}) =>
    members.list({ params: { ...inProject, segment }, query: { environment: environment.id, ...query } })
  const preview = (rules: WrittenRule[], exact = false) =>
    members.preview({ params: { environment_key: environment.api_key }, body: { rules, exact } })
  return { authorization, project, environment, segments, makeSegment, list, preview }
}

const people = (count: number) =>
  Array.from({ length: count }, (_, number) => ({
    identifier: `user-${String(number).padStart(6, '0')}`,
    traits: { plan: number % 4 === 0 ? 'gold' : 'free', email: `user${number}@example.com`, age: number % 90 },
  }))

test('the members of a segment are listed by cursor, with their number', async () => {
  const { makeSegment, list } = await startMembers(people(30))
  const { id } = await makeSegment([where('plan', 'EQUAL', 'gold')])
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: Awaited<ReturnType<typeof list>> = await list(id, { limit: 3, cursor })
    expect(page).toMatchObject({ count: 8, is_exact: true, evaluated: 30 })
    seen.push(...page.results.map(({ identifier }) => identifier))
    cursor = page.next_cursor
  }
  expect(seen).toEqual(['00', '04', '08', '12', '16', '20', '24', '28'].map((number) => `user-0000${number}`))
})

test('members are who the segment holds now: other rules have others at once', async () => {
  const { makeSegment, list, segments, project } = await startMembers(people(20))
  const { id } = await makeSegment([where('plan', 'EQUAL', 'gold')])
  expect(await list(id)).toMatchObject({ count: 5 })
  await segments.update({ params: { project: project.id, segment: id }, body: { rules: [where('plan', 'EQUAL', 'free')] } })
  expect(await list(id)).toMatchObject({ count: 15 })
})

test('members are those whom the SDKs’ evaluation puts into the segment', async () => {
  const { makeSegment, list, authorization, environment } = await startMembers(people(200))
  const { id } = await makeSegment([where('', 'PERCENTAGE_SPLIT', '30'), where('email', 'REGEX', '^user\\d*[02468]@')])
  const members = (await list(id, { limit: 200 })).results
  expect(members.length).toBeGreaterThan(0)
  const overrides = server.as(authorization, api.identityOverrides)
  const { results: all } = await server.as(authorization, api.identities).list({ params: { environment_key: environment.api_key } })
  const inSegment = []
  for (const identity of all) {
    const found = await overrides.listSegments({ params: { environment_key: environment.api_key, identity: identity.id } })
    if (found.some((segment) => segment.id === id)) inSegment.push(identity.identifier)
  }
  expect(members.map(({ identifier }) => identifier)).toEqual(inSegment)
})

test('a draft is previewed, and refused as it would be when it was saved', async () => {
  const { preview } = await startMembers(people(20))
  const shown = await preview([where('plan', 'EQUAL', 'gold')])
  expect(shown).toMatchObject({ count: 5, is_exact: true, evaluated: 20 })
  expect(shown.results).toHaveLength(5)
  await expect(preview([where('plan', 'REGEX', '(')])).rejects.toMatchObject({ status: 400 })
  await expect(preview([])).rejects.toMatchObject({ status: 400 })
})

test('100 000 identities are sampled within a second and counted within five, and hold up nobody meanwhile', async () => {
  const { makeSegment, list, preview } = await startMembers(people(100_000))
  const { id } = await makeSegment([where('plan', 'EQUAL', 'gold')])
  await list(id)
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const timed = async <T>(work: () => Promise<T>) => {
    const start = performance.now()
    const answer = await work()
    return { answer, ms: performance.now() - start }
  }
  const sample = await timed(() => preview([where('age', 'EQUAL', '42')]))
  const exact = await timed(() => preview([where('age', 'EQUAL', '42')], true))
  const page = await timed(() => list(id, { exact: 'true' }))
  delay.disable()
  expect(sample.answer).toMatchObject({ is_exact: false, evaluated: 10_000 })
  expect(Math.abs(sample.answer.count - 1111)).toBeLessThan(400)
  expect(exact.answer).toMatchObject({ count: 1111, is_exact: true, evaluated: 100_000 })
  expect(page.answer).toMatchObject({ count: 25_000, is_exact: true })
  process.stdout.write(
    `sample ${sample.ms.toFixed(0)} ms, exact ${exact.ms.toFixed(0)} ms, page and exact ${page.ms.toFixed(0)} ms; ` +
      `event loop p50 ${(delay.percentile(50) / 1e6).toFixed(1)} p99 ${(delay.percentile(99) / 1e6).toFixed(1)} max ${(delay.max / 1e6).toFixed(1)} ms\n`,
  )
  expect(exact.ms).toBeLessThan(15_000)
}, 120_000)
