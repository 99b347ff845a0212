import { setTimeout as pause } from 'node:timers/promises'
import { Client, escapeIdentifier, type ClientBase, type Notification, type Pool } from 'pg'
import type { Logger } from 'pino'
import { serverConnection } from './pool.ts'

export interface ChannelListener {
  onPayload(payload: string): void
  /** Called after a gap in which notifications may have been lost: compare revisions. */
  onReconnected(): void
}

export interface Notifications {
  listen(channel: string, listener: ChannelListener): Promise<void>
  close(): Promise<void>
}

/** Listeners by channel, and what reaches them. */
export class Channels {
  readonly #listeners = new Map<string, ChannelListener[]>()

  /** Whether the channel is new, and so has yet to be listened to. */
  add(channel: string, listener: ChannelListener): boolean {
    const known = this.#listeners.get(channel)
    if (known) known.push(listener)
    else this.#listeners.set(channel, [listener])
    return known === undefined
  }

  deliver({ channel, payload }: Notification): void {
    for (const listener of this.#listeners.get(channel) ?? []) listener.onPayload(payload ?? '')
  }

  tellReconnected(): void {
    for (const listener of [...this.#listeners.values()].flat()) listener.onReconnected()
  }

  /** One statement that listens to every channel; undefined when there is none. */
  listenStatement(): string | undefined {
    const statements = [...this.#listeners.keys()].map((channel) => `listen ${escapeIdentifier(channel)}`)
    return statements.length === 0 ? undefined : statements.join('; ')
  }
}

const heartbeatMs = 1_000
// A link that was cut tells nobody; TCP alone takes 12 s to notice (measured), a query with a deadline 3 s at most.
const heartbeatDeadlineMs = 2_000

/** Listens on a connection of its own, which is checked every second and made anew when it breaks. */
export class ServerNotifications implements Notifications {
  readonly #channels = new Channels()
  readonly #url: string
  readonly #log: Logger
  readonly #closing = new AbortController()
  #client: Client | undefined
  #loop: Promise<void> | undefined
  #waiting: Array<() => void> = []
  #lastQuery: Promise<unknown> = Promise.resolve()

  constructor(url: string, log: Logger) {
    this.#url = url
    this.#log = log
  }

  async listen(channel: string, listener: ChannelListener): Promise<void> {
    this.#channels.add(channel, listener)
    const listening = new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#loop ??= this.#stayConnected()
    // A statement that fails here fails the heartbeat as well, and the next connection listens to every channel.
    if (this.#client) await this.#listenToAll(this.#client).catch(() => undefined)
    await listening
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#loop
    for (const resolve of this.#waiting) resolve()
  }

  async #stayConnected(): Promise<void> {
    const { signal } = this.#closing
    for (let gaps = 0, failures = 0; !signal.aborted; gaps += 1) {
      try {
        await this.#connectUntilBroken(() => {
          failures = 0
          if (gaps > 0) this.#channels.tellReconnected()
        })
      } catch (error) {
        if (failures === 0 && !signal.aborted) this.#log.warn({ err: error }, 'the connection for notifications broke, connecting again')
        failures += 1
      }
      // Jitter, because every process loses its connection at the same moment.
      const wait = Math.min(25 * 2 ** failures, 1_000) * (0.5 + Math.random())
      await pause(wait, undefined, { signal }).catch(() => undefined)
    }
  }

  async #connectUntilBroken(onConnected: () => void): Promise<void> {
    const limits = { query_timeout: heartbeatDeadlineMs }
    const client = new Client({ ...serverConnection({ connectionString: this.#url, limits: 'none' }), ...limits })
    const ended = new AbortController()
    client.on('end', () => ended.abort())
    // Noticed by the heartbeat; an error event without a listener would end the process.
    client.on('error', () => undefined)
    client.on('notification', (notification) => this.#channels.deliver(notification))
    try {
      await client.connect()
      this.#client = client
      await this.#listenToAll(client)
      onConnected()
      const stop = AbortSignal.any([this.#closing.signal, ended.signal])
      while (!stop.aborted) {
        await pause(heartbeatMs, undefined, { signal: stop }).catch(() => undefined)
        if (!stop.aborted) await this.#ask(client, 'select 1')
      }
    } finally {
      this.#client = undefined
      client.end().catch(() => undefined)
    }
  }

  async #listenToAll(client: Client): Promise<void> {
    const listening = this.#waiting.length
    const statement = this.#channels.listenStatement()
    if (statement !== undefined) await this.#ask(client, statement)
    for (const resolve of this.#waiting.splice(0, listening)) resolve()
  }

  /** One query at a time: `pg` wants the heartbeat to be over before a new channel is listened to. */
  #ask(client: Client, text: string): Promise<unknown> {
    this.#lastQuery = this.#lastQuery.catch(() => undefined).then(() => client.query(text))
    return this.#lastQuery
  }
}

/** The embedded database's only session listens as well; a new connection begins by listening again. */
export class EmbeddedNotifications implements Notifications {
  readonly #channels = new Channels()
  readonly #pool: Pool
  #connected = false

  constructor(pool: Pool) {
    this.#pool = pool
    // The pool awaits it before anybody gets the connection, though its types do not say so.
    // oxlint-disable-next-line typescript/no-misused-promises
    pool.options.onConnect = (client) => this.#greet(client)
  }

  async listen(channel: string, listener: ChannelListener): Promise<void> {
    if (this.#channels.add(channel, listener)) await this.#pool.query(`listen ${escapeIdentifier(channel)}`)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #greet(client: ClientBase): Promise<void> {
    client.on('notification', (notification) => this.#channels.deliver(notification))
    const statement = this.#channels.listenStatement()
    if (statement !== undefined) await client.query(statement)
    if (this.#connected) this.#channels.tellReconnected()
    this.#connected = true
  }
}
