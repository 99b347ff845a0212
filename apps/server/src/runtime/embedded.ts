import { existsSync } from 'node:fs'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { EmbeddedConnection } from './embedded-connection.ts'
import { makeDirectory } from './make-directory.ts'
import type { EmbeddedReply, EmbeddedRequest, EmbeddedWorkerData } from './embedded-worker.js'

export interface EmbeddedOptions {
  /** Where PGlite keeps its files; `memory` keeps nothing. Lock it first: two processes on one directory lose rows silently. */
  readonly storage: { readonly dataDir: string } | 'memory'
  /** A `dumpDataDir` to begin from; ignored when the directory already holds a database. */
  readonly snapshot?: Uint8Array | undefined
  readonly onCrash?: (reason: string) => void
}

export interface EmbeddedDatabase {
  /** The `stream` of a `pg` client. There is one session: a new connection takes it over, reset, and the one before loses it. */
  connect(): Duplex
  dumpDataDir(): Promise<Uint8Array>
  close(): Promise<void>
}

/** The embedded database is not there to answer. Its code is PostgreSQL's own for a server that crashed. */
export class EmbeddedDatabaseStopped extends Error {
  override readonly name = 'EmbeddedDatabaseStopped'
  readonly code = '57P02'
}

/** Starts PGlite (PostgreSQL in WebAssembly) in a thread of this process. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const engine = new EmbeddedEngine(options)
  await engine.start()
  return {
    connect: () => new EmbeddedConnection(engine),
    dumpDataDir: () => engine.request({ kind: 'dump' }),
    close: () => engine.close(),
  }
}

// Distributes over the kinds of request, which a plain Omit would merge into one.
type WithoutId<Request> = Request extends unknown ? Omit<Request, 'id'> : never

interface Waiting {
  resolve(bytes: Uint8Array): void
  reject(error: Error): void
}

// PGlite measures only its own stack. With less of the thread's, a deeply nested JSON document ends the whole database
// instead of failing one statement with “stack depth limit exceeded”.
const resourceLimits = { stackSizeMb: 32 }

const answerToStart = 0

class EmbeddedEngine {
  owner: EmbeddedConnection | undefined
  readonly #options: EmbeddedOptions
  #running: Promise<Worker> | undefined
  #waiting = new Map<number, Waiting>()
  #lastId = answerToStart
  #closing: Promise<void> | undefined

  constructor(options: EmbeddedOptions) {
    this.#options = options
  }

  start(): Promise<Worker> {
    this.#running ??= this.#startWorker().catch((error: unknown) => {
      this.#running = undefined
      throw error
    })
    return this.#running
  }

  execute(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    return this.request({ kind: 'execute', bytes }, [bytes.buffer])
  }

  async request(request: WithoutId<EmbeddedRequest>, transfer: ArrayBuffer[] = []): Promise<Uint8Array> {
    // A crashed engine starts again from its directory at the next request; only what was under way is lost, as with any server.
    const worker = await this.start()
    return new Promise((resolve, reject) => {
      this.#lastId += 1
      this.#waiting.set(this.#lastId, { resolve, reject })
      worker.postMessage({ ...request, id: this.#lastId }, transfer)
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close() {
    const worker = await this.#running?.catch(() => undefined)
    if (worker === undefined) return
    await this.request({ kind: 'close' })
    await worker.terminate()
  }

  async #startWorker(): Promise<Worker> {
    const { storage, snapshot } = this.#options
    if (storage === 'memory') return this.#launch({ dataDir: undefined, snapshot: copied(snapshot) })
    const { dataDir } = storage
    const marker = `${dataDir}.first-start`
    // The marker outlives a first start that was killed half way: such a directory holds nothing that was acknowledged.
    if (existsSync(marker)) await rm(dataDir, { recursive: true, force: true })
    const exists = existsSync(join(dataDir, 'PG_VERSION'))
    if (!exists) {
      makeDirectory(dirname(dataDir))
      await writeFile(marker, '')
      await mkdir(dataDir)
    }
    // PGlite gives its files to everybody whatever the umask, so the directory is what keeps others out.
    await chmod(dataDir, 0o700)
    const worker = await this.#launch({ dataDir, snapshot: exists ? undefined : copied(snapshot) })
    await rm(marker, { force: true })
    return worker
  }

  #launch(workerData: EmbeddedWorkerData): Promise<Worker> {
    // Without the flags of this process: a TypeScript loader would be loaded once more for a thread that has no TypeScript.
    const transferList = workerData.snapshot === undefined ? [] : [workerData.snapshot.buffer]
    const worker = new Worker(new URL('./embedded-worker.js', import.meta.url), { workerData, transferList, resourceLimits, execArgv: [] })
    let reason = 'its thread ended'
    worker.on('error', (error: Error) => (reason = error.message))
    return new Promise((resolve, reject) => {
      this.#waiting.set(answerToStart, { resolve: () => resolve(worker), reject })
      worker.on('message', (reply: EmbeddedReply) => {
        if ('crashed' in reply) reason = reply.crashed
        else this.#settle(reply)
      })
      worker.on('exit', () => this.#stopped(reason))
    })
  }

  #settle(reply: Exclude<EmbeddedReply, { crashed: string }>) {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if ('failure' in reply) waiting?.reject(new EmbeddedDatabaseStopped(`The embedded database failed: ${reply.failure}`))
    else waiting?.resolve(reply.bytes)
  }

  #stopped(reason: string) {
    const restartable = this.#closing === undefined && this.#options.storage !== 'memory'
    const hadStarted = !this.#waiting.has(answerToStart)
    const error = new EmbeddedDatabaseStopped(`The embedded database ${hadStarted ? 'stopped' : 'does not start'}: ${reason}`)
    // In memory there is nothing to start again from.
    this.#running = restartable ? undefined : Promise.reject(error)
    this.#running?.catch(() => undefined)
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
    if (this.#closing !== undefined) return
    this.owner?.destroy(error)
    if (hadStarted) this.#options.onCrash?.(reason)
  }
}

/** A buffer of its own, to be moved to the thread. */
function copied(snapshot: Uint8Array | undefined): Uint8Array<ArrayBuffer> | undefined {
  return snapshot === undefined ? undefined : new Uint8Array(snapshot)
}
