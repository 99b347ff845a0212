import { Problem } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
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

/** One client that listens. */
interface Listener {
  readonly response: ServerResponse
  /** Forgets the client; the second time does nothing. */
  readonly leave: () => void
}

/** Everybody who listens to one environment. */
interface Channel {
  /** The newest that was told; nothing older is told after it. */
  told: EnvironmentSnapshot
  readonly listeners: Readonly<Record<StreamKind, Set<Listener>>>
}

export interface Streams {
  /** Answers with a stream that says at once how new the flags are, and goes on until the client leaves. */
  open(request: FastifyRequest, reply: FastifyReply, from: { snapshot: EnvironmentSnapshot; kind: StreamKind }): void
  publish(snapshot: EnvironmentSnapshot): void
  /** Ends the streams of an environment that is gone: clients come back, and are refused as slowly as all others. */
  end(environmentId: number): void
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

  function dropIfEmpty(channel: Channel): void {
    const { sdk, ofrep } = channel.listeners
    const { environmentId } = channel.told
    if (sdk.size + ofrep.size === 0 && channels.get(environmentId) === channel) channels.delete(environmentId)
  }

  function end(environmentId: number): void {
    const channel = channels.get(environmentId)
    if (channel) for (const listener of everyoneOn(channel)) finish(listener)
  }

  const everyone = () => [...channels.values()].flatMap(everyoneOn)

  const beat = setInterval(() => broadcast(everyone(), heartbeat), heartbeatMilliseconds)
  // A stream keeps the process alive by its socket; without one there is nothing to keep it for.
  beat.unref()

  return {
    open(request, reply, { snapshot, kind }) {
      const { socket } = request.raw
      // Who left while the key was looked up closes no second time.
      if (socket.destroyed || reply.raw.destroyed) {
        reply.hijack()
        return
      }
      requireOwnConnection(socket, reply.raw)
      const channel = channelOf(snapshot)
      if (isNewer(snapshot, channel.told)) channel.told = snapshot
      const response = beginStream(reply)
      join(channel.listeners[kind], { socket, response }, () => dropIfEmpty(channel))
      const isUpToDate = headerOf(request, 'last-event-id') === streamVersion(channel.told)
      response.write(isUpToDate ? heartbeat : messages[kind](channel.told))
    },

    publish(snapshot) {
      const channel = channels.get(snapshot.environmentId)
      if (!channel) return
      if (!isStillOpenTo(channel.told, snapshot)) end(snapshot.environmentId)
      else tell(channel, snapshot)
    },

    end,

    close() {
      clearInterval(beat)
      for (const listener of everyone()) finish(listener)
    },
  }
}

// Of each connection the one stream that it carries.
const carried = new WeakMap<Socket, Listener>()

function join(listeners: Set<Listener>, on: { socket: Socket; response: ServerResponse }, whenLeft: () => void): void {
  const { socket, response } = on
  const leave = () => {
    socket.off('close', leave)
    if (!listeners.delete(listener)) return
    carried.delete(socket)
    whenLeft()
  }
  const listener: Listener = { response, leave }
  listeners.add(listener)
  carried.set(socket, listener)
  response.once('close', leave)
  // A reply that is not first in its connection's queue is never told that the connection closed.
  socket.once('close', leave)
}

/**
 * What is pipelined behind a stream would wait for it to end, and grow. So the stream ends, the refusal can be read, and the
 * connection closes.
 */
function requireOwnConnection(socket: Socket, response: ServerResponse): void {
  const other = carried.get(socket)
  if (!other && response.socket !== null) return
  if (other) finish(other)
  throw new Problem('conflict', 'A stream needs a connection of its own: do not pipeline.', { headers: { connection: 'close' } })
}

function tell(channel: Channel, snapshot: EnvironmentSnapshot): void {
  if (!snapshot.compiled.document.project.enable_realtime_updates || !isNewer(snapshot, channel.told)) return
  channel.told = snapshot
  broadcast(channel.listeners.sdk, Buffer.from(messages.sdk(snapshot)))
  broadcast(channel.listeners.ofrep, Buffer.from(messages.ofrep(snapshot)))
}

const everyoneOn = ({ listeners }: Channel): Listener[] => [...listeners.sdk, ...listeners.ofrep]

const isNewer = (snapshot: EnvironmentSnapshot, told: EnvironmentSnapshot) => snapshot.streamedAt.getTime() > told.streamedAt.getTime()

/** Whether who opened a stream before could open one now: the key is the same, and flags are served. */
function isStillOpenTo(told: EnvironmentSnapshot, { clientKey, compiled: { document } }: EnvironmentSnapshot): boolean {
  return clientKey === told.clientKey && !document.project.organisation.stop_serving_flags
}

function finish({ response, leave }: Listener): void {
  response.end()
  leave()
}

function broadcast(listeners: Iterable<Listener>, message: Buffer): void {
  for (const { response, leave } of listeners) {
    response.write(message)
    if (response.writableLength <= unsentBytesMax) continue
    response.destroy()
    leave()
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
