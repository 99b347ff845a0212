import { createHash } from 'node:crypto'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { compile, type EnvironmentDocument } from '@halyard/engine'
import * as z from 'zod'
import { makeDirectory } from '../runtime/make-directory.ts'
import type { Log } from '../runtime/runtime.ts'
import type { HeldEnvironment } from './load-environment.ts'

// What is read of a document besides compiling it, which takes anything.
const outline = z.looseObject({
  api_key: z.string(),
  feature_states: z.array(z.unknown()),
  identity_overrides: z.array(z.unknown()),
  project: z.looseObject({
    organisation: z.looseObject({}),
    segments: z.array(z.unknown()),
    server_key_only_feature_ids: z.array(z.int()),
  }),
})

const savedSchema = z.object({
  environmentId: z.int(),
  epoch: z.int(),
  revision: z.int(),
  updatedAt: z.coerce.date(),
  previousUpdatedAt: z.coerce.date().optional(),
  streamedAt: z.coerce.date(),
  // Whole, as its checksum says.
  document: z.custom<EnvironmentDocument>((value) => outline.safeParse(value).success),
  clientKey: z.string(),
  keys: z.array(
    z.object({ key: z.string(), audience: z.enum(['client', 'server']), active: z.boolean(), expiresAt: z.coerce.date().nullable() }),
  ),
})

export interface SavedEnvironments {
  /** Writes an environment to its file, soon. Of several waiting revisions the newest is written. Never throws: serving goes on without. */
  save(held: HeldEnvironment): void
  remove(environmentId: number): void
  /** What earlier processes saved; files that are not whole are left out. */
  load(): Promise<HeldEnvironment[]>
  /** Resolves when everything is written. */
  close(): Promise<void>
}

/** The environments that were served last, as files: a process that starts without its database serves reads from them. */
export function createSavedEnvironments(directory: string, log: Log): SavedEnvironments {
  const waiting = new Map<number, HeldEnvironment | 'gone'>()
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    for (;;) {
      const [next] = waiting
      if (!next) return
      waiting.delete(next[0])
      const [id, held] = next
      await (held === 'gone' ? rm(fileOf(directory, id), { force: true }) : writeEnvironment(directory, held)).catch((error: unknown) =>
        log.warn(
          { err: error, environment_id: id },
          'an environment could not be saved; it would not be served by a start without the database',
        ),
      )
    }
  }

  function later(environmentId: number, held: HeldEnvironment | 'gone'): void {
    waiting.set(environmentId, held)
    writing ??= writeAll().finally(() => {
      writing = undefined
    })
  }

  return {
    save: (held) => later(held.snapshot.environmentId, held),
    remove: (environmentId) => later(environmentId, 'gone'),
    load: () => readEnvironments(directory, log),
    close: async () => writing,
  }
}

const fileOf = (directory: string, environmentId: number) => join(directory, `${environmentId}.json`)
const checksumOf = (text: string) => createHash('sha256').update(text).digest('hex')

// To a file of its own, then renamed: what is read is whole, old or new. Only the owner may read it, because it holds keys.
async function writeEnvironment(directory: string, held: HeldEnvironment): Promise<void> {
  const file = fileOf(directory, held.snapshot.environmentId)
  makeDirectory(directory)
  const unfinished = await open(`${file}.new`, 'w', 0o600)
  try {
    const hash = createHash('sha256')
    for (const piece of piecesOf(held)) {
      hash.update(piece)
      await unfinished.writeFile(piece)
    }
    await unfinished.writeFile(`\n${hash.digest('hex')}`)
    await unfinished.sync()
  } finally {
    await unfinished.close()
  }
  await rename(`${file}.new`, file)
}

const partsPerPiece = 500

/** The JSON of an environment in pieces: of a large one, the whole would keep requests waiting. */
function* piecesOf({ snapshot, keys }: HeldEnvironment): Generator<string> {
  const { compiled, ...rest } = snapshot
  const { feature_states: states, identity_overrides: overrides, project, ...document } = compiled.document
  const { segments, ...settings } = project
  yield `${unclosed({ ...rest, keys })},"document":${unclosed(document)},"feature_states":`
  yield* piecesOfList(states)
  yield ',"identity_overrides":'
  yield* piecesOfList(overrides)
  yield `,"project":${unclosed(settings)},"segments":`
  yield* piecesOfList(segments)
  yield '}}}'
}

const unclosed = (object: object) => JSON.stringify(object).slice(0, -1)

function* piecesOfList(list: readonly unknown[]): Generator<string> {
  yield '['
  for (let start = 0; start < list.length; start += partsPerPiece) {
    yield (start > 0 ? ',' : '') + JSON.stringify(list.slice(start, start + partsPerPiece)).slice(1, -1)
  }
  yield ']'
}

async function readEnvironments(directory: string, log: Log): Promise<HeldEnvironment[]> {
  const names = await readdir(directory).catch(() => [])
  const read = names.filter((name) => name.endsWith('.json')).map((name) => readEnvironment(join(directory, name), log))
  return (await Promise.all(read)).filter((held) => held !== undefined)
}

async function readEnvironment(file: string, log: Log): Promise<HeldEnvironment | undefined> {
  try {
    const [text = '', checksum = ''] = (await readFile(file, 'utf8')).split('\n', 2)
    if (checksum !== checksumOf(text)) throw new Error('The checksum is not that of the contents.')
    const { document, keys, previousUpdatedAt, ...rest } = savedSchema.parse(JSON.parse(text))
    return { snapshot: { ...rest, previousUpdatedAt, compiled: compile(document) }, keys, source: undefined }
  } catch (error) {
    log.warn({ err: error, file }, 'a saved environment is not usable')
    return undefined
  }
}
