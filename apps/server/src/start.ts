import { setTimeout as pause } from 'node:timers/promises'
import { createApp, type App } from './app.ts'
import type { Config } from './runtime/config.ts'
import { isDatabaseUnavailable, openDatabase, type Database } from './runtime/database.ts'
import { startSearchProjection, type SearchProjection } from './identities/project-search.ts'
import type { JobWorker } from './runtime/jobs.ts'
import { migrate } from './runtime/migrate.ts'
import type { Log, Runtime } from './runtime/runtime.ts'
import { startJobs } from './worker.ts'

export interface Halyard {
  /** Where it listens, as `http://host:port`. */
  readonly url: string
  readonly runtime: Runtime
  /** Stops taking requests, finishes those under way, writes what is counted, closes the databases. Safe to call twice. */
  stop(): Promise<void>
}

export interface Databases {
  readonly control: Database
  readonly identities: Database
}

/** Opens the databases of a configuration; the identity store is the control store unless it has its own. Servers need not be reachable yet. */
export async function openDatabases(config: Config, log: Log): Promise<Databases> {
  const options = { dataDir: config.dataDir, poolSize: config.databasePoolSize, log, secretKeys: config }
  const control = await openDatabase({ ...options, url: config.databaseUrl })
  const separate = config.identityDatabaseUrl
  return { control, identities: separate ? await openDatabase({ ...options, url: separate }) : control }
}

/** Migrates, then runs `prepare`, then works jobs. Without a reachable database it first serves what was saved, and keeps trying. */
export async function startHalyard(runtime: Runtime, prepare: () => Promise<void> = async () => {}): Promise<Halyard> {
  const app = await createApp(runtime)
  const stopped = new AbortController()
  let jobs: JobWorker | undefined
  let search: SearchProjection | undefined
  const becomeReady = async () => {
    await migrate(runtime.control, 'control')
    await migrate(runtime.identities, 'identity')
    await prepare()
    jobs = startJobs(runtime)
    search = startSearchProjection(runtime.identities, runtime.log)
  }
  const retrying = await becomeReady().then(
    () => undefined,
    async (error: unknown) => {
      if (!isDatabaseUnavailable(error) || (await app.holdSaved()) === 0) {
        await stopAll({ app, jobs, search }, runtime)
        throw error
      }
      runtime.log.error({ err: error }, 'the database cannot be reached: serving reads from what was saved, and trying again every second')
      return retryUntil(stopped.signal, becomeReady, runtime.log)
    },
  )
  const { host, port } = runtime.config
  const url = await app.server.listen({ host, port })
  let stopping: Promise<void> | undefined
  const stop = async () => {
    stopped.abort()
    await retrying?.done
    await stopAll({ app, jobs, search }, runtime)
  }
  return { url, runtime, stop: () => (stopping ??= stop()) }
}

// Wrapped, so that awaiting the start does not await the end of trying.
function retryUntil(signal: AbortSignal, attempt: () => Promise<void>, log: Log): { readonly done: Promise<void> } {
  const run = async () => {
    while (!signal.aborted) {
      try {
        await pause(1000, undefined, { signal })
        await attempt()
        log.info('the database is reachable again')
        return
      } catch (error) {
        if (!signal.aborted && !isDatabaseUnavailable(error)) log.error({ err: error }, 'the server cannot get ready')
      }
    }
  }
  return { done: run() }
}

interface Working {
  readonly app: App
  readonly jobs: JobWorker | undefined
  readonly search: SearchProjection | undefined
}

async function stopAll({ app, jobs, search }: Working, { control, identities }: Runtime): Promise<void> {
  await Promise.all([app.close(), jobs?.stop(), search?.stop()])
  if (identities !== control) await identities.close()
  await control.close()
}
