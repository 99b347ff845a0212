import { setTimeout as pause } from 'node:timers/promises'
import type { EnvironmentSnapshot, OpenedEnvironment } from '@halyard/sdk-api'
import { revisionsChannel } from '../changes/record-change.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { isNewer, loadEnvironment, openWith, type HeldEnvironment } from './load-environment.ts'
import { findEnvironmentIdByKey, findRevisions } from './queries.ts'

const pollMilliseconds = 1000
const pollDeadlineMilliseconds = 1000
const unknownKeysMax = 1000
const refreshAttemptsMax = 5

export interface CacheListener {
  /** Called once the newer environment is what requests get. */
  onAdvance(held: HeldEnvironment): void
  onDrop(environmentId: number): void
}

/**
 * Environments in memory, each at its newest revision. Notifications are hints; revisions, compared once a second, are the truth.
 * A key that opens nothing is remembered as such for a second at most.
 */
export class EnvironmentCache {
  readonly #runtime: Runtime
  readonly #listener: CacheListener
  readonly #held = new Map<number, HeldEnvironment>()
  readonly #idsByKey = new Map<string, number>()
  readonly #unknownKeys = new Set<string>()
  readonly #loading = new Map<number, Promise<HeldEnvironment | undefined>>()
  #timer: NodeJS.Timeout | undefined
  #polling: Promise<void> = Promise.resolve()

  constructor(runtime: Runtime, listener: CacheListener) {
    this.#runtime = runtime
    this.#listener = listener
  }

  /** How many environments are held. */
  get size(): number {
    return this.#held.size
  }

  /** What a key opens; synchronous when held. Undefined: unknown, inactive or expired. */
  open(key: string): OpenedEnvironment | undefined | Promise<OpenedEnvironment | undefined> {
    const id = this.#idsByKey.get(key)
    const environment = id === undefined ? undefined : this.#held.get(id)
    if (environment) return openWith(environment, key, this.#runtime.now())
    return this.#unknownKeys.has(key) ? undefined : this.#openUnheld(key)
  }

  /** An environment's newest snapshot; undefined when there is no such environment. */
  async find(id: number): Promise<EnvironmentSnapshot | undefined> {
    return (this.#held.get(id) ?? (await this.#load(id)))?.snapshot
  }

  /** Resolves when what is held is at least at these revisions. Environments that nobody asked for yet are left alone. */
  async refresh(raised: ReadonlyMap<number, number>): Promise<void> {
    if (raised.size > 0) this.#unknownKeys.clear()
    await Promise.all([...raised].map(([id, revision]) => this.#refreshTo(id, revision)))
  }

  /** Holds an environment as it was read, unless something newer is held already. */
  hold(environment: HeldEnvironment): HeldEnvironment {
    const id = environment.snapshot.environmentId
    const previous = this.#held.get(id)
    if (previous && !isNewer(environment.snapshot, previous.snapshot)) return previous
    if (previous) this.#forgetKeys(previous)
    this.#held.set(id, environment)
    for (const key of keysOf(environment)) {
      this.#idsByKey.set(key, id)
      this.#unknownKeys.delete(key)
    }
    this.#listener.onAdvance(environment)
    return environment
  }

  /** Follows changes until closed. */
  start(): void {
    this.#timer = setTimeout(() => this.#pollAgain(), pollMilliseconds)
    const { control, log } = this.#runtime
    const listener = {
      onPayload: (payload: string) => {
        this.refresh(readRevisions(payload)).catch((error: unknown) => log.warn({ err: error }, 'a notified change could not be read yet'))
      },
      onReconnected: () => void this.#pollInTime(),
    }
    control.listen(revisionsChannel, listener).catch((error: unknown) => log.warn({ err: error }, 'changes are polled, not notified'))
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#polling
    await Promise.allSettled(this.#loading.values())
  }

  async #openUnheld(key: string): Promise<OpenedEnvironment | undefined> {
    const id = await findEnvironmentIdByKey(this.#runtime.control.db, key)
    const environment = id === undefined ? undefined : (this.#held.get(id) ?? (await this.#load(id)))
    const opened = environment && openWith(environment, key, this.#runtime.now())
    if (!opened && this.#unknownKeys.size < unknownKeysMax) this.#unknownKeys.add(key)
    return opened
  }

  /** Reads an environment; calls for the same one while it is read share the answer. */
  #load(id: number): Promise<HeldEnvironment | undefined> {
    const underWay = this.#loading.get(id)
    if (underWay) return underWay
    const started = loadEnvironment(this.#runtime.control.db, id, this.#held.get(id))
      .then((environment) => (environment ? this.hold(environment) : this.#drop(id)))
      .finally(() => this.#loading.delete(id))
    this.#loading.set(id, started)
    return started
  }

  #drop(id: number): undefined {
    const environment = this.#held.get(id)
    if (!environment) return
    this.#forgetKeys(environment)
    this.#held.delete(id)
    this.#listener.onDrop(id)
  }

  #forgetKeys(environment: HeldEnvironment): void {
    for (const key of keysOf(environment)) this.#idsByKey.delete(key)
  }

  async #refreshTo(id: number, revision: number): Promise<void> {
    // A read that was under way when the change committed may not have seen it: then once more.
    for (let attempt = 0; attempt < refreshAttemptsMax; attempt += 1) {
      const environment = this.#held.get(id)
      const isBeingRead = this.#loading.has(id)
      if (environment ? environment.snapshot.revision >= revision : !isBeingRead) return
      await this.#load(id)
    }
  }

  async #poll(): Promise<void> {
    this.#unknownKeys.clear()
    const revisions = await findRevisions(this.#runtime.control.db, [...this.#held.keys()])
    const behind = [...this.#held.values()].filter(({ snapshot }) => {
      const current = revisions.get(snapshot.environmentId)
      return current?.epoch !== snapshot.epoch || current.revision !== snapshot.revision
    })
    await Promise.all(behind.map(({ snapshot }) => this.#load(snapshot.environmentId)))
  }

  // A database that hangs must not hang the poll: a comparison that takes too long is given up and the next one begins.
  async #pollInTime(): Promise<void> {
    const given = new AbortController()
    const tooLong = pause(pollDeadlineMilliseconds, undefined, { signal: given.signal }).then(() => {
      throw new Error(`no answer within ${pollDeadlineMilliseconds} ms`)
    })
    try {
      await Promise.race([this.#poll(), tooLong])
    } catch (error) {
      this.#runtime.log.warn({ err: error }, 'revisions could not be compared; serving what is held')
    } finally {
      given.abort()
      tooLong.catch(() => undefined)
    }
  }

  #pollAgain(): void {
    this.#polling = this.#pollInTime().finally(() => {
      if (this.#timer) this.#timer = setTimeout(() => this.#pollAgain(), pollMilliseconds)
    })
  }
}

const keysOf = ({ keys }: HeldEnvironment) => keys.map(({ key }) => key)

// `environment:revision`, comma-separated: see `recordChange`.
const readRevisions = (payload: string): Map<number, number> =>
  new Map(
    payload.split(',').map((pair) => {
      const [id = '', revision = ''] = pair.split(':')
      return [Number(id), Number(revision)]
    }),
  )
