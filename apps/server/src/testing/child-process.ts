import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface Child {
  readonly pid: number
  /** Everything printed so far, by line. */
  readonly lines: readonly string[]
  /** Resolves with the first line, past or to come, that begins so; rejects when the process ends without one. */
  line(prefix: string): Promise<string>
  /** Ends it as the kernel would, and waits for that. */
  kill(): Promise<void>
  /** Asks it to end, and answers with its exit code. */
  stop(): Promise<number | null>
  /** What it complained of so far. */
  complaint(): string
  readonly exitCode: Promise<number | null>
}

const hooks = new URL('./typescript-hooks.js', import.meta.url).href
const registerHooks = `data:text/javascript,import{register}from'node:module';register(${JSON.stringify(hooks)})`

/** Runs a script beside this file in a process of its own. */
export const startScript = (name: string, ...argumentsOfScript: string[]): Child => startProcess(name, { argumentsOfScript })

/** Runs the server as `npm start` does, from its sources, on any free port; its environment holds nothing but these. */
export const startMain = (environment: Record<string, string>): Child =>
  startProcess('../main.ts', { environment: { PORT: '0', ...environment } })

function startProcess(name: string, options: { argumentsOfScript?: readonly string[]; environment?: Record<string, string> }): Child {
  const script = fileURLToPath(new URL(`./${name}`, import.meta.url))
  const child = spawn(process.execPath, ['--import', registerHooks, script, ...(options.argumentsOfScript ?? [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.environment && { env: options.environment }),
  })
  const lines: string[] = []
  const printed = createInterface({ input: child.stdout })
  printed.on('line', (line) => lines.push(line))
  let complaint = ''
  child.stderr.on('data', (text: Buffer) => (complaint += text.toString()))
  const exitCode = once(child, 'close').then(() => child.exitCode)
  return {
    pid: child.pid ?? 0,
    lines,
    async line(prefix) {
      for (;;) {
        const found = lines.find((line) => line.startsWith(prefix))
        if (found !== undefined) return found
        const ended = await Promise.race([once(printed, 'line').then(() => false), exitCode.then(() => true)])
        if (ended && !lines.some((line) => line.startsWith(prefix)))
          throw new Error(`${name} ended without printing “${prefix}”. ${complaint}`)
      }
    },
    async kill() {
      child.kill('SIGKILL')
      await exitCode
    },
    async stop() {
      child.kill('SIGTERM')
      return exitCode
    },
    complaint: () => complaint,
    exitCode,
  }
}
