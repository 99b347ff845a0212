import { pino, type Logger } from 'pino'

/** Structured lines, one an event. Never pass bodies, keys or headers; these are removed in case somebody does. */
export function createLog(level: string): Logger {
  const paths = ['password', 'key', 'token', 'authorization', 'cookie', 'traits', 'secretKey']
  return pino({
    level,
    redact: { paths: paths.flatMap((path) => [path, `*.${path}`]), remove: true },
    timestamp: pino.stdTimeFunctions.isoTime,
  })
}
