import { listChains, verifyAudit } from './audit/verify.ts'
import { readConfig } from './runtime/config.ts'
import { createLog } from './runtime/log.ts'
import { openDatabases } from './start.ts'

/** `npm run audit:verify`: checks every organisation's record, and ends with 1 if any does not fit its chain. */
async function main(): Promise<void> {
  const config = readConfig()
  const { control, identities } = await openDatabases(config, createLog(config.logLevel))
  try {
    for (const organisation of await listChains(control.db)) {
      const { intact, sealed, unsealed, hash, broken } = await verifyAudit(control.db, config, organisation)
      const whose = organisation === 0 ? 'Outside organisations' : `Organisation ${organisation}`
      const entry = broken?.change ? ` (entry ${broken.change})` : ''
      const found = intact
        ? `intact, ends with ${hash}`
        : `BROKEN at position ${broken?.position ?? 'none'}${entry}: ${broken?.reason ?? ''}`
      process.stdout.write(`${whose}: ${sealed} sealed, ${unsealed} not yet; ${found}\n`)
      if (!intact) process.exitCode = 1
    }
  } finally {
    if (identities !== control) await identities.close()
    await control.close()
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
})
