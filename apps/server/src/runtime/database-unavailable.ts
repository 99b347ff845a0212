// Classes of SQLSTATE: connection exceptions, not authorised (credentials were changed), resources exhausted, system errors.
const unavailableClasses = new Set(['08', '28', '53', '58'])

// One by one: unknown database, shutdown, crash, starting up, dropped, idle session ended, cancelled by statement_timeout,
// and a primary that became a standby while we were connected.
const unavailableStates = new Set(['3D000', '57P01', '57P02', '57P03', '57P04', '57P05', '57014', '25006'])

const networkErrors = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

// `pg` and `pg-pool` give these no code.
const driverMessages = [
  /^timeout exceeded when trying to connect/,
  /^timeout expired/,
  /^Connection terminated/,
  /^Client has encountered a connection error/,
  /^Client was closed and is not queryable/,
  /^Query read timeout/,
  /^Cannot use a pool after calling end/,
  /^The server does not support SSL connections/,
]

/** The database answers and has more to do than it can: unavailable too, by PostgreSQL's code for too many connections. */
export class DatabaseBusy extends Error {
  override readonly name = 'DatabaseBusy'
  readonly code = '53300'

  constructor() {
    super('Too many requests wait for a database connection.')
  }
}

/** Whether a failed statement says “the database cannot be reached or cannot work now”, rather than anything about the statement. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  // `localhost` that is refused on both of its addresses is an AggregateError.
  if (error instanceof AggregateError && error.errors.some(isDatabaseUnavailable)) return true
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (networkErrors.has(code) || unavailableStates.has(code)) return true
  if (code.length === 5 && unavailableClasses.has(code.slice(0, 2))) return true
  // A unix socket whose server is gone.
  if (code === 'ENOENT' && 'syscall' in error && error.syscall === 'connect') return true
  return driverMessages.some((message) => message.test(error.message)) || isDatabaseUnavailable(error.cause)
}

/** Whether the connection that reported it can still be used: only an answer of the server proves that it can. */
export function isConnectionUsable(error: unknown): boolean {
  if (!isDatabaseUnavailable(error)) return true
  return error instanceof Error && 'code' in error && error.code === '57014'
}
