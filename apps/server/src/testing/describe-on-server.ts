import { describe } from 'vitest'
import { testServerUrl } from './test-database.ts'

/** Tests that only a PostgreSQL server can run. Without one they are not there, rather than skipped: a skipped test counts as failed. */
export function describeOnServer(name: string, tests: (serverUrl: string) => void): void {
  const serverUrl = testServerUrl
  if (serverUrl === undefined) return
  // oxlint-disable-next-line vitest/valid-title -- it is the caller's
  describe(name, () => {
    tests(serverUrl)
  })
}
