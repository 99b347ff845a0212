import { api } from '@halyard/contract'
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../app.ts'
import { loadEnvironment, type HeldEnvironment } from '../evaluation/load-environment.ts'
import { startServer, type TestProject, type TestServer } from './start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

/** What editing needs: clients, and the rows that are there by now. */
interface Editing {
  readonly of: { readonly environment_key: string; readonly project: number; readonly organisation: number }
  readonly as: <const R extends Parameters<TestServer['as']>[1]>(resource: R) => ReturnType<typeof server.as<R>>
  readonly features: { readonly id: number; readonly variants: number[] }[]
  readonly segments: number[]
  readonly places: { id: number; feature: number; segment: number }[]
  readonly overrides: { id: number; identity: number; feature: number }[]
  readonly identities: number[]
}

async function startEditing({ authorization, project, organisation, environment }: TestProject): Promise<Editing> {
  const of = { environment_key: environment.api_key, project: project.id, organisation: organisation.id }
  const editing: Editing = {
    of,
    as: (resource) => server.as(authorization, resource),
    features: [],
    segments: [],
    places: [],
    overrides: [],
    identities: [],
  }
  for (const identifier of ['ada', 'bob', 'é']) {
    const identity = await editing.as(api.identities).create({ params: of, body: { identifier } })
    editing.identities.push(identity.id)
  }
  return editing
}

const at = <Row>(rows: readonly Row[], place: number): Row | undefined => rows[place % Math.max(rows.length, 1)]
const removeFrom = <Row>(rows: Row[], isGone: (row: Row) => boolean) => rows.splice(0, rows.length, ...rows.filter((row) => !isGone(row)))
let made = 0
const fresh = (noun: string) => `${noun}_${(made += 1)}`
const rulesOn = (property: string) => [{ type: 'ALL' as const, conditions: [{ property, operator: 'EQUAL' as const, value: 'a' }] }]

/** Each edit takes what is there by two numbers, and does nothing where there is nothing to edit. */
const edits = {
  createFeature: async ({ as, of, features }, _one, other) => {
    const options = Array.from({ length: other % 3 }, () => ({
      key: fresh('variant'),
      string_value: 'x',
      default_percentage_allocation: 20,
    }))
    const body = { name: fresh('feature'), initial_value: `${other}`, default_enabled: other % 2 === 0, multivariate_options: options }
    const { id, multivariate_options: variants } = await as(api.features).create({ params: of, body })
    features.push({ id, variants: variants.map((variant) => variant.id) })
  },
  changeFeature: async ({ as, of, features }, one, other) => {
    const feature = at(features, one)
    const body = { description: `${other}`, is_server_key_only: other % 2 === 0 }
    if (feature) await as(api.features).update({ params: { ...of, feature: feature.id }, body })
  },
  deleteFeature: async ({ as, of, features, places, overrides }, one) => {
    const feature = at(features, one)
    if (!feature) return
    await as(api.features).delete({ params: { ...of, feature: feature.id } })
    removeFrom(features, ({ id }) => id === feature.id)
    removeFrom(places, (place) => place.feature === feature.id)
    removeFrom(overrides, (override) => override.feature === feature.id)
  },
  addVariant: async ({ as, of, features }, one, other) => {
    const feature = at(features, one)
    if (!feature || feature.variants.length > 3) return
    const body = { key: fresh('variant'), string_value: `${other}`, default_percentage_allocation: 10 }
    const { id } = await as(api.variants).create({ params: { ...of, feature: feature.id }, body })
    feature.variants.push(id)
  },
  changeVariant: async ({ as, of, features }, one, other) => {
    const feature = at(features, one)
    const variant = feature && at(feature.variants, other)
    if (!variant) return
    await as(api.variants).update({ params: { ...of, feature: feature.id, variant }, body: { string_value: fresh('value') } })
  },
  deleteVariant: async ({ as, of, features }, one, other) => {
    const feature = at(features, one)
    const variant = feature && at(feature.variants, other)
    if (!variant) return
    await as(api.variants).delete({ params: { ...of, feature: feature.id, variant } })
    removeFrom(feature.variants, (id) => id === variant)
  },
  changeDefault: async ({ as, of, features }, one, other) => {
    const feature = at(features, one)
    if (!feature) return
    const states = await as(api.featureStates).list({ params: of, query: { feature: feature.id } })
    for (const { id } of states.results) {
      const body = { enabled: other % 2 === 0, feature_state_value: fresh('value') }
      await as(api.featureStates).update({ params: { ...of, feature_state: id }, body })
    }
  },
  createSegment: async ({ as, of, segments }, _one, other) => {
    const { id } = await as(api.segments).create({ params: of, body: { name: fresh('segment'), rules: rulesOn(`trait ${other % 5}`) } })
    segments.push(id)
  },
  changeSegment: async ({ as, of, segments }, one, other) => {
    const segment = at(segments, one)
    if (segment)
      await as(api.segments).update({ params: { ...of, segment }, body: { name: fresh('segment'), rules: rulesOn(`trait ${other}`) } })
  },
  deleteSegment: async ({ as, of, segments, places }, one) => {
    const segment = at(segments, one)
    if (!segment) return
    await as(api.segments).delete({ params: { ...of, segment }, query: { force: 'true' } })
    removeFrom(segments, (id) => id === segment)
    removeFrom(places, (place) => place.segment === segment)
  },
  overrideForSegment: async ({ as, of, features, segments, places }, one, other) => {
    const [feature, segment] = [at(features, one), at(segments, other)]
    if (!feature || !segment || places.some((place) => place.feature === feature.id && place.segment === segment)) return
    const body = { feature_segment: { segment }, enabled: true, feature_state_value: { string_value: fresh('value') } }
    const { feature_segment: place } = await as(api.featureSegments).createOverride({ params: { ...of, feature: feature.id }, body })
    places.push({ id: place.id, feature: feature.id, segment })
  },
  reorder: async ({ as, places }, one, other) => {
    const place = at(places, one)
    if (place) await as(api.featureSegments).updatePriorities({ body: [{ id: place.id, priority: other % 4 }] })
  },
  removeSegmentOverride: async ({ as, places }, one) => {
    const place = at(places, one)
    if (!place) return
    await as(api.featureSegments).delete({ params: { feature_segment: place.id } })
    removeFrom(places, ({ id }) => id === place.id)
  },
  overrideForIdentity: async ({ as, of, features, identities, overrides }, one, other) => {
    const [feature, identity] = [at(features, one), at(identities, other)]
    if (!feature || !identity || overrides.some((each) => each.feature === feature.id && each.identity === identity)) return
    const body = { feature: feature.id, enabled: true, feature_state_value: fresh('value') }
    const { id } = await as(api.identityOverrides).create({ params: { ...of, identity }, body })
    overrides.push({ id, identity, feature: feature.id })
  },
  removeIdentityOverride: async ({ as, of, overrides }, one) => {
    const override = at(overrides, one)
    if (!override) return
    await as(api.identityOverrides).delete({ params: { ...of, identity: override.identity, feature_state: override.id } })
    removeFrom(overrides, ({ id }) => id === override.id)
  },
  changeEnvironment: async ({ as, of }, one, other) => {
    const body = { name: fresh('environment'), hide_disabled_flags: one % 2 === 0, hide_sensitive_data: other % 3 === 0 }
    await as(api.environments).update({ params: of, body })
  },
  changeProject: async ({ as, of }, one) => {
    await as(api.projects).update({ params: of, body: { name: fresh('project'), hide_disabled_flags: one % 2 === 0 } })
  },
  changeOrganisation: async ({ as, of }, one) => {
    await as(api.organisations).update({ params: of, body: { name: fresh('organisation'), persist_trait_data: one % 2 === 0 } })
  },
  addEnvironment: async ({ as, of }) => {
    await as(api.environments).create({ body: { name: fresh('environment'), project: of.project } })
  },
  addServerKey: async ({ as, of }) => {
    await as(api.environmentApiKeys).create({ params: of, body: { name: fresh('key') } })
  },
} satisfies Record<string, (editing: Editing, one: number, other: number) => Promise<void>>

const anyEdit = fc.record({
  edit: fc.constantFrom(...Object.values(edits)),
  one: fc.nat(99),
  other: fc.nat(99),
  // A process that misses notifications reads several edits at once.
  isRead: fc.boolean(),
})

test('whatever is edited, reading what changed gives what reading everything gives', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEdit, { minLength: 40, maxLength: 60 }), async (sequence) => {
      const project = await server.makeProject()
      const editing = await startEditing(project)
      let held: HeldEnvironment | undefined
      for (const { edit, one, other, isRead } of [...seeds, ...sequence]) {
        await edit(editing, one, other)
        if (isRead) held = await expectRefreshed(project, held)
      }
      await expectRefreshed(project, held)
      expect(await repliesOf(project, (...request) => server.send(...request))).toEqual(await repliesOfAnotherProcess(project))
    }),
    { numRuns: 4, endOnFailure: true },
  )
})

const seed = (edit: (typeof edits)[keyof typeof edits], other = 0) => ({ edit, one: other, other, isRead: other > 1 })
const seeds = [0, 1, 2, 3].flatMap((other) => [
  seed(edits.createFeature, other),
  seed(edits.createSegment, other),
  seed(edits.overrideForSegment, other),
  seed(edits.overrideForIdentity, other),
])

async function expectRefreshed({ environment }: TestProject, held: HeldEnvironment | undefined): Promise<HeldEnvironment | undefined> {
  const refreshed = await loadEnvironment(server.control.db, environment.id, held)
  const whole = await loadEnvironment(server.control.db, environment.id)
  expect(comparable(refreshed)).toEqual(comparable(whole))
  return refreshed
}

function comparable(held: HeldEnvironment | undefined) {
  if (!held) return undefined
  const { compiled, ...revision } = held.snapshot
  const identity = { identifier: 'ada', traits: { 'trait 1': 'a', 'trait 2': 'a' } }
  const { document, environmentFlags, problems } = compiled
  return { revision, document, environmentFlags, problems, flags: compiled.flagsFor(identity), segments: compiled.segmentsFor(identity) }
}

type Send = (method: string, path: string, options: { headers: Record<string, string>; body?: unknown }) => Promise<{ text: string }>

async function repliesOf({ environment, serverKey }: TestProject, send: Send): Promise<string[]> {
  const replies: string[] = []
  for (const key of [environment.api_key, serverKey]) {
    const headers = { 'x-environment-key': key, 'content-type': 'application/json' }
    for (const identifier of ['ada', 'bob', 'nobody known']) {
      const traits = [{ trait_key: 'trait 1', trait_value: 'a' }]
      replies.push((await send('POST', '/api/v1/identities/', { headers, body: { identifier, traits, transient: true } })).text)
    }
    replies.push((await send('GET', '/api/v1/flags/', { headers })).text)
    replies.push((await send('GET', '/api/v1/environment-document/', { headers })).text)
    replies.push((await send('POST', '/ofrep/v1/evaluate/flags', { headers, body: { context: { targetingKey: 'ada' } } })).text)
  }
  return replies
}

/** Another process on the same database reads everything anew. */
async function repliesOfAnotherProcess(project: TestProject): Promise<string[]> {
  const other = await createApp(server.runtime)
  try {
    return await repliesOf(project, async (method, url, { headers, body }) => {
      const reply = await other.server.inject({
        method: method === 'GET' ? 'GET' : 'POST',
        url,
        headers,
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      })
      return { text: reply.body }
    })
  } finally {
    await other.close()
  }
}

test('a raised epoch makes it read everything anew, because history may have been cut', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const { id } = await server.as(authorization, api.features).create({ params: { project: project.id }, body: { name: 'before' } })
  const held = await loadEnvironment(server.control.db, environment.id)
  // As after a restore: the row is another one, and nothing says that it changed.
  await sql`update document_history set body = jsonb_set(body, '{name}', '"restored"') where kind = 'feature' and entity_id = ${id}`.execute(
    server.control.db,
  )
  const names = (environmentHeld: HeldEnvironment | undefined) =>
    environmentHeld?.snapshot.compiled.environmentFlags.map(({ name }) => name)
  expect(names(await loadEnvironment(server.control.db, environment.id, held))).toEqual(['before'])
  await sql`update deployment set epoch = epoch + 1`.execute(server.control.db)
  expect(names(await loadEnvironment(server.control.db, environment.id, held))).toEqual(['restored'])
})

test('of a project with more than one page of features nothing is missed, whatever is edited while it is read', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const features = server.as(authorization, api.features)
  const count = 1100
  const options = Array.from({ length: 20 }, (_, index) => ({ key: `v${index}`, string_value: 'x', default_percentage_allocation: 1 }))
  // Variants are rows of the project too, and cheaper to make than features.
  const bodies = Array.from({ length: count / 20 }, (_, index) => ({ name: `feature_${index}`, multivariate_options: options }))
  const made = []
  for (const body of bodies) made.push(await features.create({ params: { project: project.id }, body }))
  const reading = loadEnvironment(server.control.db, environment.id)
  for (const { id } of made.slice(-5)) await features.delete({ params: { project: project.id, feature: id } })
  const held = await loadEnvironment(server.control.db, environment.id, await reading)
  expect(comparable(held)).toEqual(comparable(await loadEnvironment(server.control.db, environment.id)))
  expect(held?.snapshot.compiled.environmentFlags).toHaveLength(bodies.length - 5)
})
