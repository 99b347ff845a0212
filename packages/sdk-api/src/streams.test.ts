import { compile, type EnvironmentDocument } from '@halyard/engine'
import { fastify, type FastifyInstance } from 'fastify'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { EnvironmentSnapshot } from './ports.ts'
import { createStreams, type Streams } from './streams.ts'

const organisation = { id: 1, name: 'Acme', feature_analytics: false, stop_serving_flags: false, persist_trait_data: true }
const project = {
  id: 1,
  name: 'Shop',
  hide_disabled_flags: false,
  enable_realtime_updates: true,
  server_key_only_feature_ids: [],
  organisation,
  segments: [],
}
const document: EnvironmentDocument = {
  id: 1,
  api_key: 'key',
  name: 'Production',
  updated_at: '2026-01-01T00:00:00+00:00',
  allow_client_traits: true,
  hide_sensitive_data: false,
  hide_disabled_flags: null,
  use_identity_composite_key_for_hashing: true,
  use_identity_overrides_in_local_eval: false,
  project,
  feature_states: [],
  identity_overrides: [],
}

function snapshotOf(second: number, changed: Partial<EnvironmentDocument> = {}): EnvironmentSnapshot {
  const at = new Date(Date.UTC(2026, 0, 1, 0, 0, second))
  const compiled = compile({ ...document, ...changed })
  return {
    environmentId: 1,
    epoch: 1,
    revision: second,
    updatedAt: at,
    previousUpdatedAt: undefined,
    streamedAt: at,
    clientKey: compiled.document.api_key,
    compiled,
  }
}

const running: { app: FastifyInstance; streams: Streams }[] = []
afterEach(async () => {
  for (const { app, streams } of running.splice(0)) {
    streams.close()
    await app.close()
  }
})

/** A server of nothing but streams, and every reply that it began. */
async function startStreams(lookUp: () => Promise<unknown> = async () => undefined) {
  const streams = createStreams()
  const app = fastify({ forceCloseConnections: true })
  const replies: ServerResponse[] = []
  app.get('/', async (request, reply) => {
    replies.push(reply.raw)
    await lookUp()
    streams.open(request, reply, { snapshot: snapshotOf(1), kind: 'sdk' })
    return reply
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  running.push({ app, streams })
  const requestOnOneSocket = (times: number) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: test\r\n\r\n'.repeat(times)))
    return socket
  }
  return { streams, replies, url, requestOnOneSocket }
}

const unsentTo = (replies: readonly ServerResponse[]) => replies.map((reply) => reply.writableLength)

test('nothing is written for those who pipelined many streams and left', async () => {
  const { streams, replies, requestOnOneSocket } = await startStreams()
  const socket = requestOnOneSocket(60)
  await once(socket, 'data')
  socket.destroy()
  await pause(100)
  const before = unsentTo(replies)
  streams.publish(snapshotOf(2))
  expect(unsentTo(replies)).toEqual(before)
})

test('nothing is written for those who left while their key was looked up', async () => {
  let proceed = () => {}
  const found = new Promise<void>((resolve) => (proceed = resolve))
  const { streams, replies, requestOnOneSocket } = await startStreams(() => found)
  const socket = requestOnOneSocket(3)
  await expect.poll(() => replies.length).toBeGreaterThan(0)
  socket.destroy()
  await pause(100)
  proceed()
  await pause(10)
  const before = unsentTo(replies)
  streams.publish(snapshotOf(2))
  expect(unsentTo(replies)).toEqual(before)
})

test.each<[string, Partial<EnvironmentDocument>]>([
  ['has another key', { api_key: 'another' }],
  ['is no longer served', { project: { ...project, organisation: { ...organisation, stop_serving_flags: true } } }],
  [
    'is no longer served, and tells of nothing',
    { project: { ...project, enable_realtime_updates: false, organisation: { ...organisation, stop_serving_flags: true } } },
  ],
])('streams of an environment that %s end', async (_, changed) => {
  const { streams, url } = await startStreams()
  const response = await fetch(url)
  streams.publish(snapshotOf(2, changed))
  expect(await response.text()).toBe('event: environment_updated\ndata: {"updated_at": 1767225601.000}\n\n')
})

test('streams of other environments go on when one ends', async () => {
  const { streams, url } = await startStreams()
  const response = await fetch(url)
  streams.end(2)
  streams.publish(snapshotOf(2))
  streams.end(1)
  expect(await response.text()).toContain('1767225602')
})
