import type { Request } from 'autocannon'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildScenario, type Scenario } from './engine/scenario.ts'
import type { Replies } from './server/bare.ts'
import { startChild, type ChildServer } from './server/child.ts'
import { load, medianOf, type Round } from './server/load.ts'
import { makeProject } from './server/project.ts'

// Our server beside Node's own, which reads the same bodies and sends the same bytes: what is above 1 is what we cost. It reports
// and never fails on a timing: machines differ, and only the ratios mean something. The run does fail when replies differ.

const rounds = 9
const requestsPerRound = 2000

interface Case {
  readonly name: string
  readonly requests: readonly Request[]
}

const directory = await mkdtemp(join(tmpdir(), 'halyard-bench-'))
const ours = await startChild(new URL('../../apps/server/dist/main.js', import.meta.url), {
  preload: new URL('./server/report-usage.js', import.meta.url),
  environment: { PORT: '0', DATA_DIR: directory, DEMO: 'false', ALLOW_REGISTRATION_WITHOUT_INVITE: 'true', LOG_LEVEL: 'warn' },
})
try {
  const scenario = buildScenario(100, 20)
  print(
    `${scenario.flags.length} flags, ${scenario.segments.length} segments, ${scenario.identities.length} identities in turn; the database is embedded`,
  )
  const key = await makeProject(ours.url, scenario)
  for (const each of casesOf(scenario, key)) await compare(each)
} finally {
  await ours.stop()
  await rm(directory, { recursive: true })
}

function casesOf({ identities }: Scenario, key: string): Case[] {
  const headers = { 'x-environment-key': key, 'content-type': 'application/json' }
  const post = (body: object): Request => ({ method: 'POST', path: '/api/v1/identities/', headers, body: JSON.stringify(body) })
  const known = identities.map(({ identifier, traits }) => ({
    identifier,
    traits: Object.entries(traits).map(([name, value]) => ({ trait_key: name, trait_value: value })),
  }))
  return [
    { name: 'GET flags/', requests: [{ method: 'GET', path: '/api/v1/flags/', headers: { 'x-environment-key': key } }] },
    {
      name: 'POST identities/ of nobody in particular (evaluated, nothing looked up)',
      requests: known.map(({ traits }) => post({ traits })),
    },
    {
      name: 'POST identities/ of transient ones (looked up in the database and evaluated)',
      requests: known.map((each) => post({ ...each, transient: true })),
    },
  ]
}

async function compare({ name, requests }: Case): Promise<void> {
  const bare = await startChild(new URL('./server/bare.js', import.meta.url), { message: await repliesTo(requests) })
  try {
    await refuseDifferences(bare, requests)
    const [of, ofBare]: [Round[], Round[]] = [[], []]
    for (const server of [ours, bare]) await load(server, requests, 2 * requestsPerRound)
    for (let round = 0; round < rounds; round += 1) {
      of.push(await load(ours, requests, requestsPerRound))
      ofBare.push(await load(bare, requests, requestsPerRound))
    }
    report(name, medianOf(of), medianOf(ofBare))
  } finally {
    await bare.stop()
  }
}

async function repliesTo(requests: readonly Request[]): Promise<Replies> {
  const byBody: [string, string][] = []
  let headers: Record<string, string> = {}
  for (const request of requests) {
    const response = await ask(ours, request)
    byBody.push([request.body ?? '', await response.text()])
    headers = Object.fromEntries(response.headers)
  }
  // Of the connection and of one reply: Node's server says these by itself.
  const { date: _date, connection: _connection, 'keep-alive': _keepAlive, 'content-length': _length, ...same } = headers
  return { headers: same, byBody }
}

async function refuseDifferences(bare: ChildServer, requests: readonly Request[]): Promise<void> {
  for (const request of requests) {
    const [reply, expected] = await Promise.all([bare, ours].map(async (server) => (await ask(server, request)).text()))
    if (reply === undefined || reply !== expected) throw new Error(`The servers answer ${request.path} differently:\n${reply}\n${expected}`)
  }
}

function ask({ url }: ChildServer, { method, path, headers, body }: Request): Promise<Response> {
  return fetch(new URL(path, url), { method, headers, ...(body !== undefined && { body }) })
}

function report(name: string, of: Round, ofBare: Round): void {
  const row = (figure: string, ours: number, bare: number) =>
    print(`  ${figure.padEnd(28)}${ours.toFixed(1).padStart(12)}${bare.toFixed(1).padStart(14)}${(ours / bare).toFixed(2).padStart(10)}`)
  print(`\n${name}\n  ${'median of rounds'.padEnd(28)}${'ours'.padStart(12)}${'bare Node'.padStart(14)}${'ratio'.padStart(10)}`)
  row('µs of CPU per request', of.cpu, ofBare.cpu)
  row('requests per second', of.requestsPerSecond, ofBare.requestsPerSecond)
  row('p99 in ms', of.p99, ofBare.p99)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
