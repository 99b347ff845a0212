import { allMigrations, ensureTemplate, testServerUrl } from './test-database.ts'
import { snapshotOf } from './snapshot.ts'

/** Vitest runs this once before all test files: they copy what is made here rather than each making its own. */
export default async function setup(): Promise<void> {
  await snapshotOf(allMigrations)
  if (testServerUrl !== undefined) await ensureTemplate(testServerUrl, allMigrations)
}
