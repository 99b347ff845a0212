import autocannon, { type Request } from 'autocannon'
import { performance } from 'node:perf_hooks'
import type { ChildServer } from './child.ts'

/** What one server did in one round. */
export interface Round {
  /** Microseconds of the server's CPU time per request. */
  readonly cpu: number
  readonly requestsPerSecond: number
  /** Milliseconds. */
  readonly p99: number
}

const connections = 20

/** Asks for everything in turn, on many connections at once. Fails when anything is answered otherwise than with 2xx. */
export async function load(server: ChildServer, requests: readonly Request[], amount: number): Promise<Round> {
  const latencies: number[] = []
  const cpuBefore = await server.usage()
  const start = performance.now()
  let end = start
  const run = autocannon({ url: server.url, amount, connections, requests, sampleInt: 50 })
  run.on('response', (_client, _status, _bytes, milliseconds) => {
    latencies.push(milliseconds)
    // It looks whether it is done only now and then.
    end = performance.now()
  })
  const { '2xx': succeeded } = await run
  const seconds = (end - start) / 1000
  const cpu = (await server.usage()) - cpuBefore
  if (succeeded !== amount) throw new Error(`Of ${amount} requests to ${server.url}, ${succeeded} succeeded.`)
  return {
    cpu: cpu / amount,
    requestsPerSecond: amount / seconds,
    p99: latencies.toSorted((one, other) => one - other)[Math.floor(amount * 0.99)] ?? NaN,
  }
}

/** Each figure's median over rounds. */
export const medianOf = (rounds: readonly Round[]): Round => ({
  cpu: median(rounds.map((round) => round.cpu)),
  requestsPerSecond: median(rounds.map((round) => round.requestsPerSecond)),
  p99: median(rounds.map((round) => round.p99)),
})

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}
