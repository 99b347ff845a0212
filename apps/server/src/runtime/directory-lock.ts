import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as z from 'zod'
import { makeDirectory } from './make-directory.ts'

export interface DirectoryLock {
  release(): Promise<void>
}

export class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse'
}

const holderSchema = z.object({
  pid: z.number(),
  processStart: z.string().nullable(),
  /** Which processes this pid is one of: a boot of a kernel and a pid namespace, or the host's name where those are not told. */
  machine: z.string(),
  hostname: z.string(),
  since: z.string(),
})
type Holder = z.infer<typeof holderSchema>

interface Claim {
  readonly id: string
  readonly held: boolean
  readonly file: string
  readonly holder: Holder
}

/** A claim keeps its name for as long as it lives, because a listing may miss a file that is being renamed. */
const claimPath = (directory: string, id: string) => join(directory, `halyard-${id}.lock`)
/** Beside the claim that won. */
const heldPath = (directory: string, id: string) => join(directory, `halyard-${id}.held`)

// A space before the JSON, which may be written over again.
const beatByte = ' '
const heartbeatMs = 5_000
const silentMs = 30_000
const turnMs = 20

/**
 * Locks a directory for this process, or throws `DirectoryInUse`. PGlite has no lock of its own: two processes on one directory both
 * run and lose each other's rows. Every contender first shows its claim and then looks for others, so that of two at least one sees
 * the other, whatever the timing; there is no moment in which a dead lock has been removed and none has taken its place.
 * `onLost` is called when somebody else removed the lock.
 */
export async function lockDirectory(directory: string, onLost: () => void = () => undefined): Promise<DirectoryLock> {
  makeDirectory(directory)
  const id = randomUUID()
  for (;;) {
    await showClaim(directory, id)
    const rival = await waitForTurn(directory, id)
    if (rival === undefined) {
      await writeFile(heldPath(directory, id), '')
      return keepLock(directory, id, onLost)
    }
    await removeClaim(directory, id)
    if (rival.held) throw refusal(directory, rival)
    // An older claim has precedence; it becomes a lock or goes away.
    await pause(turnMs)
  }
}

/** The claim that goes first, if there is one. */
async function waitForTurn(directory: string, id: string): Promise<Claim | undefined> {
  for (;;) {
    const rivals = (await readLiveClaims(directory, id)).filter((claim) => claim.id !== id)
    const first = rivals.find((claim) => claim.held) ?? rivals.find((claim) => claim.id < id)
    if (first !== undefined || rivals.length === 0) return first
    await pause(turnMs)
  }
}

async function showClaim(directory: string, id: string): Promise<void> {
  const holder: Holder = {
    pid: process.pid,
    processStart: findProcess(process.pid)?.start ?? null,
    machine: machine(),
    hostname: hostname(),
    since: new Date().toISOString(),
  }
  // Renamed into place, so that nobody reads half of it.
  const unfinished = join(directory, `halyard-${id}.tmp`)
  await writeFile(unfinished, `${beatByte}${JSON.stringify(holder)}`, { mode: 0o600 })
  await rename(unfinished, claimPath(directory, id))
}

/** Shows that the holder lives. Written rather than dated, so that all instants are of the file system's clock. */
async function beat(file: string): Promise<void> {
  const claim = await open(file, 'r+')
  try {
    await claim.write(beatByte, 0)
  } finally {
    await claim.close()
  }
}

/** Removes what dead processes left. */
async function readLiveClaims(directory: string, ownId: string): Promise<Claim[]> {
  await beat(claimPath(directory, ownId))
  const now = (await stat(claimPath(directory, ownId))).mtimeMs
  const live: Claim[] = []
  for (const name of await readdir(directory)) {
    const [, id] = /^halyard-([\da-f-]{36})\.lock$/.exec(name) ?? []
    if (id === undefined) continue
    const file = claimPath(directory, id)
    const read = await readClaim(file)
    if (read === undefined) continue
    if (isAlive(read.holder, now - read.beatAt)) live.push({ id, held: existsSync(heldPath(directory, id)), file, holder: read.holder })
    else await removeClaim(directory, id)
  }
  return live
}

async function readClaim(file: string): Promise<{ holder: Holder; beatAt: number } | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(file, 'utf8'), stat(file)])
    return { holder: holderSchema.parse(JSON.parse(text)), beatAt: mtimeMs }
  } catch (error) {
    // Released between the listing and the reading.
    if (isMissing(error)) return undefined
    throw new DirectoryInUse(`The lock ${file} cannot be read. If no Halyard process uses this directory, delete the file.`, {
      cause: error,
    })
  }
}

function isAlive(holder: Holder, silenceMs: number): boolean {
  // A process of another machine or container cannot be asked for; it shows that it lives by touching its lock.
  if (holder.machine !== machine()) return silenceMs < silentMs
  const found = findProcess(holder.pid)
  if (found === undefined) return answersSignals(holder.pid)
  // The start tells the holder from a later process with its pid.
  return !found.dead && (holder.processStart === null || holder.processStart === found.start)
}

/** A process and when it started, in the kernel's ticks; undefined where there is no such process or nobody tells. */
function findProcess(pid: number): { readonly start: string | undefined; readonly dead: boolean } | undefined {
  try {
    // The name, in parentheses, may hold anything; fields are counted after it. A zombie has died and waits for its parent.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { start: fields[19], dead: fields[0] === 'Z' || fields[0] === 'X' }
  } catch {
    return undefined
  }
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function machine(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

async function removeClaim(directory: string, id: string): Promise<void> {
  await rm(heldPath(directory, id), { force: true })
  await rm(claimPath(directory, id), { force: true })
}

function keepLock(directory: string, id: string, onLost: () => void): DirectoryLock {
  const heartbeat = setInterval(() => {
    beat(claimPath(directory, id)).catch((error: unknown) => {
      if (!isMissing(error)) return
      clearInterval(heartbeat)
      onLost()
    })
  }, heartbeatMs)
  heartbeat.unref()
  return {
    async release() {
      clearInterval(heartbeat)
      await removeClaim(directory, id)
    },
  }
}

function refusal(directory: string, { holder, file }: Claim): DirectoryInUse {
  const here = holder.machine === machine()
  const where = here ? '' : ` on “${holder.hostname}” (another machine or container)`
  const remedy = here
    ? `Stop that process first (kill ${holder.pid}), or give this one a directory of its own with DATA_DIR.`
    : `Stop it first, or give this one a directory of its own with DATA_DIR. If it is gone, its lock expires ${silentMs / 1000} s after it.`
  return new DirectoryInUse(
    `${resolve(directory)} is in use by process ${holder.pid}${where}, since ${holder.since}. ${remedy} ` +
      `The embedded database serves one process; more than one needs PostgreSQL (DATABASE_URL). Lock: ${file}`,
  )
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
