import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startScript, type Child } from '../testing/child-process.ts'
import { DirectoryInUse, lockDirectory } from './directory-lock.ts'

let directory: string
let children: Child[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'halyard-lock-'))
})

afterEach(async () => {
  await Promise.all(children.map((child) => child.kill()))
  children = []
  await rm(directory, { recursive: true })
})

function holdLock(): Child {
  const child = startScript('hold-lock-script.ts', directory)
  children.push(child)
  return child
}

test('a directory is locked once, and again after its release', async () => {
  const lock = await lockDirectory(directory)
  await expect(lockDirectory(directory)).rejects.toThrow(DirectoryInUse)
  await lock.release()
  const next = await lockDirectory(directory)
  await next.release()
  expect(await readdir(directory)).toEqual([])
})

test('a lock of another process is refused, with its pid, the directory and what to do', async () => {
  const holder = holdLock()
  await holder.line('locked')
  const refusal = await lockDirectory(directory).catch(String)
  expect(refusal).toContain(`${directory} is in use by process ${holder.pid}`)
  expect(refusal).toContain(`kill ${holder.pid}`)
  expect(refusal).toContain('DATA_DIR')
})

test('a second process is refused while this one holds the lock', async () => {
  const lock = await lockDirectory(directory)
  expect(await holdLock().line('refused')).toContain(`in use by process ${process.pid}`)
  await lock.release()
})

test('a lock left by kill -9 is taken over', async () => {
  const holder = holdLock()
  await holder.line('locked')
  await holder.kill()
  const lock = await lockDirectory(directory)
  await lock.release()
  expect(await readdir(directory)).toEqual([])
})

test('of eight that start at once on a dead lock, one gets it', async () => {
  const dead = holdLock()
  await dead.line('locked')
  await dead.kill()
  const contenders = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)))
  const winners = contenders.flatMap((contender) => (contender.status === 'fulfilled' ? [contender.value] : []))
  expect(winners).toHaveLength(1)
  expect(contenders.filter(({ status }) => status === 'rejected')).toHaveLength(7)
  await winners[0]?.release()
})

test('of two processes that start at once, one gets the lock and the other is told so', async () => {
  const outcomes = await Promise.all([holdLock(), holdLock()].map((child) => Promise.race([child.line('locked'), child.line('refused')])))
  expect(outcomes.filter((outcome) => outcome === 'locked')).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome.startsWith('refused'))).toHaveLength(1)
})

describe('what a lock says about its holder', () => {
  const foreign = { pid: 1, processStart: '1', machine: 'another', hostname: 'container-7', since: '2024-01-01T00:00:00.000Z' }
  const id = '00000000-0000-4000-8000-000000000000'

  async function leaveLock(holder: object): Promise<string> {
    const file = join(directory, `halyard-${id}.lock`)
    await writeFile(file, ` ${JSON.stringify(holder)}`)
    await writeFile(join(directory, `halyard-${id}.held`), '')
    return file
  }

  test('the pid of a dead holder that another process got since does not keep the lock', async () => {
    const own = await lockDirectory(directory)
    const [lockFile = ''] = (await readdir(directory)).filter((name) => name.endsWith('.lock'))
    const holder: unknown = JSON.parse(await readFile(join(directory, lockFile), 'utf8'))
    await own.release()
    await leaveLock({ ...Object(holder), processStart: '1' })
    const lock = await lockDirectory(directory)
    await lock.release()
    expect(await readdir(directory)).toEqual([])
  })

  test('a holder on another machine keeps the lock while it shows that it lives', async () => {
    await leaveLock(foreign)
    await expect(lockDirectory(directory)).rejects.toThrow(/“container-7” \(another machine or container\)/)
  })

  test('a holder on another machine that has been silent for half a minute loses it', async () => {
    const file = await leaveLock(foreign)
    const silent = new Date(Date.now() - 31_000)
    await utimes(file, silent, silent)
    const lock = await lockDirectory(directory)
    await lock.release()
    expect(await readdir(directory)).toEqual([])
  })
})
