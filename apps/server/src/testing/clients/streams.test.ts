import { api } from '@halyard/contract'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { startServer, type TestProject, type TestServer } from '../start-server.ts'
import { openStream, type EventStream } from './event-stream.ts'
import { changeDefault, createFeature, createOverride, createSegment, overrideFor } from './populated-project.ts'
import { identify, readFlags } from './sdk-requests.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const listening: EventStream[] = []
afterEach(async () => {
  for (const stream of listening.splice(0)) await stream.close()
})

async function listen(path: string, headers?: Record<string, string>): Promise<EventStream> {
  const stream = await openStream(new URL(path, server.url), headers)
  listening.push(stream)
  return stream
}

const listenTo = (key: string, headers?: Record<string, string>) => listen(`/sse/environments/${key}/stream`, headers)

const tellListeners = ({ authorization, project }: TestProject, enabled: boolean) =>
  server.as(authorization, api.projects).update({ params: { project: project.id }, body: { enable_realtime_updates: enabled } })

const update = z.object({ event: z.literal('environment_updated'), data: z.object({ updated_at: z.number() }) })

/** The instant that the next message tells, which has to be an update. */
const nextInstant = async (stream: EventStream) => update.parse(await stream.next()).data.updated_at

/** The instant that requests are told now. */
const currentInstant = async ({ environment }: TestProject) => (await readFlags(server, environment.api_key)).updatedAt

const everybody = () =>
  [{ type: 'ALL', conditions: [{ property: 'plan', operator: 'IS_SET' }] }] satisfies Parameters<typeof createSegment>[2]['rules']

describe('whoever listens to an environment', () => {
  test('is told at once how new its flags are', async () => {
    const project = await server.makeProject()
    await createFeature(server, project, { name: 'anything' })
    const stream = await listenTo(project.environment.api_key)
    expect([stream.status, stream.headers.get('content-type'), stream.headers.get('access-control-allow-origin')]).toEqual([
      200,
      'text/event-stream',
      '*',
    ])
    expect(await nextInstant(stream)).toBe(await currentInstant(project))
  })

  test('gets one event for each change of the environment, once requests see the change, with the instant that they are told', async () => {
    const project = await server.makeProject()
    const changes = await changesTo(project)
    const stream = await listenTo(project.environment.api_key)
    expect(await nextInstant(stream)).toBe(await currentInstant(project))
    for (const [name, change] of changes) {
      // Awaited only afterwards: what counts is what requests see when the event arrives.
      const changing = change()
      const told = await nextInstant(stream)
      expect({ name, instant: told }).toEqual({ name, instant: await currentInstant(project) })
      await changing
    }
  })

  test('gets none for what concerns single identities, or keys', async () => {
    const project = await server.makeProject()
    const { id: feature } = await createFeature(server, project, { name: 'banner' })
    const stream = await listenTo(project.environment.api_key)
    await nextInstant(stream)
    const { identity, id } = await overrideFor(server, project, 'vip', { feature, enabled: true })
    const params = { environment_key: project.environment.api_key, identity }
    const overrides = server.as(project.authorization, api.identityOverrides)
    await overrides.update({ params: { ...params, feature_state: id }, body: { enabled: false } })
    await overrides.delete({ params: { ...params, feature_state: id } })
    await server.as(project.authorization, api.identityTraits).create({ params, body: { trait_key: 'plan', string_value: 'pro' } })
    await identify(server, project.environment.api_key, { identifier: 'vip', traits: [{ trait_key: 'age', trait_value: 3 }] })
    await server.as(project.authorization, api.environmentApiKeys).create({ params, body: { name: 'CI' } })
    const quiet = await currentInstant(project)
    await changeDefault(server, project, feature, { enabled: true })
    const told = await nextInstant(stream)
    expect(told).toBe(await currentInstant(project))
    expect(told).toBeGreaterThan(quiet)
  })

  test('who comes after an identity override is not told anything newer than it is for all', async () => {
    const project = await server.makeProject()
    const { id: feature } = await createFeature(server, project, { name: 'banner' })
    const before = await currentInstant(project)
    await overrideFor(server, project, 'vip', { feature, enabled: true })
    expect(await currentInstant(project)).toBeGreaterThan(before)
    expect(await nextInstant(await listenTo(project.environment.api_key))).toBe(before)
  })

  test('is told of changes to the project in every environment, and of those to another environment not', async () => {
    const project = await server.makeProject()
    const { id: feature } = await createFeature(server, project, { name: 'banner' })
    const staging = await server
      .as(project.authorization, api.environments)
      .create({ body: { name: 'Staging', project: project.project.id } })
    const inStaging = { ...project, environment: staging }
    const [here, there] = [await listenTo(project.environment.api_key), await listenTo(staging.api_key)]
    await Promise.all([nextInstant(here), nextInstant(there)])
    await changeDefault(server, inStaging, feature, { enabled: true })
    expect(await nextInstant(there)).toBe(await currentInstant(inStaging))
    await createSegment(server, project, { name: 'everybody', rules: everybody() })
    expect([await nextInstant(here), await nextInstant(there)]).toEqual([await currentInstant(project), await currentInstant(inStaging)])
  })

  test('is told nothing more where realtime updates are off, and is again when they are on', async () => {
    const project = await server.makeProject()
    await tellListeners(project, false)
    const stream = await listenTo(project.environment.api_key)
    expect(await nextInstant(stream)).toBe(await currentInstant(project))
    await createFeature(server, project, { name: 'untold' })
    await tellListeners(project, true)
    expect(await nextInstant(stream)).toBe(await currentInstant(project))
  })

  test('needs the client-side key: others are refused', async () => {
    const { serverKey } = await server.makeProject()
    const streams = await Promise.all([listenTo('no-such-key'), listenTo(serverKey)])
    expect(streams.map(({ status }) => status)).toEqual([404, 404])
  })
})

describe('OpenFeature providers', () => {
  const listenForOpenFeature = ({ environment }: TestProject, headers?: Record<string, string>) =>
    listen(`/ofrep/v1/stream?key=${environment.api_key}`, headers)
  const refetch = z.object({
    event: z.undefined(),
    id: z.string(),
    data: z.object({ type: z.literal('refetchEvaluation'), etag: z.string(), lastModified: z.int() }),
  })

  test('are told to evaluate again by unnamed messages, which name the version', async () => {
    const project = await server.makeProject()
    const stream = await listenForOpenFeature(project)
    const first = refetch.parse(await stream.next())
    await createFeature(server, project, { name: 'fresh' })
    const second = refetch.parse(await stream.next())
    expect(second.data.etag).not.toBe(first.data.etag)
    expect([second.id, second.data.lastModified]).toEqual([second.data.etag, Math.floor(await currentInstant(project))])
  })

  test('that come back with the version they know are told of the next one only', async () => {
    const project = await server.makeProject()
    const { id } = refetch.parse(await (await listenForOpenFeature(project)).next())
    const again = await listenForOpenFeature(project, { 'last-event-id': id })
    await createFeature(server, project, { name: 'fresh' })
    expect(refetch.parse(await again.next()).id).not.toBe(id)
  })

  test('find the stream of a server-side key in the reply, by an address that opens', async () => {
    const project = await server.makeProject()
    const answer = await server.send('POST', '/ofrep/v1/evaluate/flags', {
      authorization: `Bearer ${project.serverKey}`,
      body: { context: {} },
    })
    const reply = z.object({ eventStreams: z.tuple([z.object({ endpoint: z.object({ requestUri: z.string() }) })]) }).parse(answer.body)
    const stream = await listen(reply.eventStreams[0].endpoint.requestUri)
    expect(refetch.safeParse(await stream.next()).success).toBe(true)
  })

  test('with a key or token that opens nothing are refused', async () => {
    const streams = await Promise.all(
      ['?key=no-such-key', '?token=forged.signature', ''].map((query) => listen(`/ofrep/v1/stream${query}`)),
    )
    expect(streams.map(({ status }) => status)).toEqual([401, 401, 401])
  })
})

/** Every kind of change to an environment's flags, in an order in which each has what it needs. */
async function changesTo(project: TestProject): Promise<[string, () => Promise<unknown>][]> {
  const { authorization, environment } = project
  const { id: feature, multivariate_options: variants } = await createFeature(server, project, {
    name: 'known',
    initial_value: 'a',
    multivariate_options: [{ key: 'b', string_value: 'b', default_percentage_allocation: 50 }],
  })
  const segment = await createSegment(server, project, { name: 'payers', rules: everybody() })
  await createOverride(server, project, feature, { feature_segment: { segment }, enabled: true })
  const other = await createSegment(server, project, { name: 'others', rules: everybody() })
  const otherPlace = await createOverride(server, project, feature, { feature_segment: { segment: other }, enabled: true })
  const params = {
    environment_key: environment.api_key,
    project: project.project.id,
    organisation: project.organisation.id,
    feature,
    segment,
    variant: variants[0]?.id ?? 0,
  }
  const [features, segments, featureSegments] = [
    server.as(authorization, api.features),
    server.as(authorization, api.segments),
    server.as(authorization, api.featureSegments),
  ]
  const changes: [string, () => Promise<unknown>][] = [
    ['a feature is created', () => createFeature(server, project, { name: 'fresh' })],
    ['a feature is turned on', () => changeDefault(server, project, feature, { enabled: true })],
    ['a value is changed', () => changeDefault(server, project, feature, { feature_state_value: 'c' })],
    ['a feature is described', () => features.update({ params, body: { description: 'What it is for' } })],
    [
      'a variant is added',
      () => server.as(authorization, api.variants).create({ params, body: { string_value: 'd', default_percentage_allocation: 10 } }),
    ],
    ['a variant is changed', () => server.as(authorization, api.variants).update({ params, body: { string_value: 'e' } })],
    ['a variant is deleted', () => server.as(authorization, api.variants).delete({ params })],
    ['a segment is created', () => createSegment(server, project, { name: 'fresh', rules: everybody() })],
    ['a segment is changed', () => segments.update({ params, body: { name: 'customers' } })],
    ['overrides are reordered', () => featureSegments.updatePriorities({ body: [{ id: otherPlace, priority: 0 }] })],
    ['an override is removed', () => featureSegments.delete({ params: { feature_segment: otherPlace } })],
    ['an override is added', () => createOverride(server, project, feature, { feature_segment: { segment: other }, enabled: false })],
    ['a segment is deleted', () => segments.delete({ params, query: { force: 'true' } })],
    [
      'the environment is changed',
      () => server.as(authorization, api.environments).update({ params, body: { hide_disabled_flags: true } }),
    ],
    ['the project is changed', () => server.as(authorization, api.projects).update({ params, body: { hide_disabled_flags: true } })],
    [
      'the organisation is changed',
      () => server.as(authorization, api.organisations).update({ params, body: { feature_analytics: true } }),
    ],
    ['a feature is deleted', () => features.delete({ params })],
  ]
  return changes
}
