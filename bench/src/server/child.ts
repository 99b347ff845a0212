import { fork, type Serializable } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface ChildServer {
  readonly url: string
  /** Microseconds of CPU time that the process has used since it began. */
  usage(): Promise<number>
  stop(): Promise<void>
}

export interface ChildOptions {
  readonly environment?: Readonly<Record<string, string>>
  /** A module to load before the program. */
  readonly preload?: URL
  /** Sent to it before it listens. */
  readonly message?: Serializable
}

/** A server in a process of its own. It has to print where it listens, and to load `report-usage`. */
export async function startChild(program: URL, { environment = {}, preload, message }: ChildOptions): Promise<ChildServer> {
  const execArgv = preload ? ['--import', preload.href] : []
  const child = fork(program, { execArgv, env: { ...environment }, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  if (message !== undefined) child.send(message)
  const url = await findUrl(child.stdout)
  return {
    url,
    async usage() {
      const answered = once(child, 'message')
      child.send('usage')
      const [usage] = await answered
      return usage.user + usage.system
    },
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function findUrl(output: NodeJS.ReadableStream | null): Promise<string> {
  if (!output) throw new Error('A child server has no output.')
  for await (const line of createInterface({ input: output })) {
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? []
    if (url !== undefined) return url
  }
  throw new Error('A child server ended before it said where it listens.')
}
