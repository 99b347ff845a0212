import { greet } from './greeting.ts'
import { prepareInstallation, type Installation } from './installation.ts'
import { ConfigError, readConfig } from './runtime/config.ts'
import { isDatabaseUnavailable } from './runtime/database.ts'
import { DirectoryInUse } from './runtime/directory-lock.ts'
import { createLog } from './runtime/log.ts'
import { DirectoryNotUsable } from './runtime/make-directory.ts'
import { MigrationRefused } from './runtime/migrate.ts'
import { createOutbound } from './runtime/outbound.ts'
import { openDatabases, startHalyard, type Halyard } from './start.ts'

const drainSecondsMax = 9
// What the operator can mend: the message says how, so no stack.
const refusals = [ConfigError, DirectoryInUse, DirectoryNotUsable, MigrationRefused]

async function main(): Promise<void> {
  // Whatever is written (the embedded database, saved environments, the secret key) is the owner's alone, wherever DATA_DIR is.
  process.umask(0o077)
  const config = readConfig()
  const log = createLog(config.logLevel)
  const runtime = { config, log, now: () => new Date(), outbound: createOutbound(config.outbound), ...(await openDatabases(config, log)) }
  let installation: Installation = { setupToken: undefined, demo: undefined }
  const halyard = await startHalyard(runtime, async () => {
    installation = await prepareInstallation(runtime)
  })
  stopOnSignals(halyard)
  process.stdout.write(greet(config, { url: config.publicUrl ?? halyard.url, ...installation }))
}

function stopOnSignals(halyard: Halyard): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      halyard.runtime.log.info({ signal }, 'stopping')
      setTimeout(() => process.exit(1), drainSecondsMax * 1000).unref()
      halyard.stop().then(() => process.exit(0), fail)
    })
  }
}

function fail(error: unknown): void {
  process.stderr.write(`Halyard stopped.\n${explain(error)}\n`)
  process.exit(1)
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (refusals.some((refusal) => error instanceof refusal)) return error.message
  if ('code' in error && error.code === 'EADDRINUSE') return `${error.message}. Choose another port: PORT=8001 npm start`
  if (isDatabaseUnavailable(error))
    return `The database cannot be reached (${error.message}), and no environment was saved to serve meanwhile. See DATABASE_URL.`
  return error.stack ?? error.message
}

main().catch(fail)
