import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Database } from './database.ts'
import type { Outbound } from './outbound.ts'

export type Log = Logger

/** What the whole server is handed; made in `main` and in tests, nowhere else. */
export interface Runtime {
  readonly config: Config
  /** Organisations to feature states, changes and jobs: the truth. */
  readonly control: Database
  /** Identities and their traits; may be another server, so no transaction spans both. */
  readonly identities: Database
  /** The only way to call addresses that other people gave. */
  readonly outbound: Outbound
  readonly log: Log
  readonly now: () => Date
}
