import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import { unixSeconds, wholeSeconds } from './instants.ts'
import type { EnvironmentSnapshot } from './ports.ts'
import { headerOf } from './request-text.ts'

/** Which version of the flags a client has that was told of a change. Overrides of single identities do not raise it. */
export const streamVersion = ({ epoch, streamedAt }: EnvironmentSnapshot) => `${epoch}-${streamedAt.getTime()}`

/**
 * What a change is told as. The `data` lines must be JSON for every client, so heartbeats are comments; OFREP providers listen
 * to unnamed messages only, and the others need the name.
 */
const messages = {
  sdk: (snapshot: EnvironmentSnapshot) => `event: environment_updated\ndata: {"updated_at": ${unixSeconds(snapshot.streamedAt)}}\n\n`,
  ofrep: (snapshot: EnvironmentSnapshot) => {
    const version = streamVersion(snapshot)
    const message = { type: 'refetchEvaluation', etag: version, lastModified: wholeSeconds(snapshot.streamedAt) }
    return `id: ${version}\ndata: ${JSON.stringify(message)}\n\n`
  },
}

export type StreamKind = keyof typeof messages

const heartbeatMilliseconds = 15_000
const heartbeat = Buffer.from(': ping\n\n')
/** Who reads slower than this is cut off, and reconnects when it can. */
const unsentBytesMax = 64 * 1024

/** Everybody who listens to one environment. */
interface Channel {
  /** The newest that was told; nothing older is told after it. */
  told: EnvironmentSnapshot
  readonly listeners: Readonly<Record<StreamKind, Set<ServerResponse>>>
}

export interface Streams {
  /** Answers with a stream that says at once how new the flags are, and goes on until the client leaves. */
  open(request: FastifyRequest, reply: FastifyReply, from: { snapshot: EnvironmentSnapshot; kind: StreamKind }): void
  publish(snapshot: EnvironmentSnapshot): void
  close(): void
}

export function createStreams(): Streams {
  const channels = new Map<number, Channel>()

  function channelOf(snapshot: EnvironmentSnapshot): Channel {
    const known = channels.get(snapshot.environmentId)
    if (known) return known
    const channel: Channel = { told: snapshot, listeners: { sdk: new Set(), ofrep: new Set() } }
    channels.set(snapshot.environmentId, channel)
    return channel
  }

  function leave(environmentId: number, channel: Channel, response: ServerResponse): void {
    for (const listeners of Object.values(channel.listeners)) listeners.delete(response)
    const isEmpty = Object.values(channel.listeners).every((listeners) => listeners.size === 0)
    if (isEmpty && channels.get(environmentId) === channel) channels.delete(environmentId)
  }

  function everyone(): ServerResponse[] {
    return [...channels.values()].flatMap(({ listeners }) => [...listeners.sdk, ...listeners.ofrep])
  }

  const beat = setInterval(() => broadcast(everyone(), heartbeat), heartbeatMilliseconds)
  // A stream keeps the process alive by its socket; without one there is nothing to keep it for.
  beat.unref()

  return {
    open(request, reply, { snapshot, kind }) {
      const channel = channelOf(snapshot)
      if (isNewer(snapshot, channel.told)) channel.told = snapshot
      const response = beginStream(reply)
      channel.listeners[kind].add(response)
      response.on('close', () => leave(snapshot.environmentId, channel, response))
      const isUpToDate = headerOf(request, 'last-event-id') === streamVersion(channel.told)
      response.write(isUpToDate ? heartbeat : messages[kind](channel.told))
    },

    publish(snapshot) {
      const channel = channels.get(snapshot.environmentId)
      if (!channel || !snapshot.compiled.document.project.enable_realtime_updates) return
      if (!isNewer(snapshot, channel.told)) return
      channel.told = snapshot
      broadcast(channel.listeners.sdk, Buffer.from(messages.sdk(snapshot)))
      broadcast(channel.listeners.ofrep, Buffer.from(messages.ofrep(snapshot)))
    },

    close() {
      clearInterval(beat)
      for (const response of everyone()) response.end()
    },
  }
}

const isNewer = (snapshot: EnvironmentSnapshot, told: EnvironmentSnapshot) => snapshot.streamedAt.getTime() > told.streamedAt.getTime()

function broadcast(listeners: Iterable<ServerResponse>, message: Buffer): void {
  for (const response of listeners) {
    response.write(message)
    if (response.writableLength > unsentBytesMax) response.destroy()
  }
}

function beginStream(reply: FastifyReply): ServerResponse {
  reply.headers({
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    // Proxies of the nginx family would otherwise keep events until they have a page full.
    'x-accel-buffering': 'no',
  })
  const { raw: response } = reply
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value)
  }
  reply.hijack()
  response.writeHead(200)
  return response
}
