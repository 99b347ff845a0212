import { setImmediate as letOthersRun } from 'node:timers/promises'
import { compile, type CompiledEnvironment, type EnvironmentDocument } from '@halyard/engine'
import type { EnvironmentSnapshot, OpenedEnvironment } from '@halyard/sdk-api'
import type { Queryable } from '../access/rows.ts'
import { createAssembler, type Assembler } from './build-document.ts'
import { DocumentRows } from './document-rows.ts'
import { listKeys, type KeyRow } from './queries.ts'
import { applyChanges, findPlace, readChanges, readPages, type Place } from './read-rows.ts'

/** An environment as it is held in memory: what it answers, and which keys open it. */
export interface HeldEnvironment {
  readonly snapshot: EnvironmentSnapshot
  readonly keys: readonly KeyRow[]
  /** What it was made of, for the next revision; undefined of one that was saved by an earlier process. */
  readonly source: Source | undefined
}

/** The rows of an environment as they were last read. Changed by the next reading, and never read twice at once. */
interface Source {
  readonly rows: DocumentRows
  readonly assemble: Assembler
  place: Place
}

/**
 * Reads and compiles an environment; undefined when it, or anything above it, is gone. After a previous revision of the same
 * epoch only what was changed since is read and compiled; the outcome is the same.
 */
export async function loadEnvironment(
  db: Queryable,
  environmentId: number,
  previous?: HeldEnvironment,
): Promise<HeldEnvironment | undefined> {
  const source = previous?.source ?? (await readSource(db, environmentId))
  const changes = source && (await readChanges(db, source.place))
  if (!changes) return undefined
  const { changedAt, ...revision } = changes.revision
  // History may have been cut: what is held proves nothing.
  if (previous?.source && previous.snapshot.epoch !== revision.epoch) return loadEnvironment(db, environmentId)
  applyChanges(source.rows, changes.rows)
  source.place = { ...source.place, changedAt }
  const document = source.assemble(source.rows, revision.updatedAt)
  if (!document) return undefined
  const made =
    changes.rows.length > partsPerSlice || !previous?.source
      ? await compileSlices(document, previous?.snapshot.compiled)
      : previous.snapshot.compiled
  const compiled = compile(document, made)
  // After the document: keys that changed in between are then newer than the revision, never older.
  const keys = await listKeys(db, environmentId)
  const [clientKey] = keys
  return clientKey && { snapshot: { environmentId, ...revision, clientKey: clientKey.key, compiled }, keys, source }
}

// So many are compiled within milliseconds.
const partsPerSlice = 1000

/**
 * What is compiled once is not compiled again, so a large document is compiled a part at a time before the whole: requests are
 * answered in between. In another thread it could not be: what is compiled does not travel between threads.
 */
async function compileSlices(document: EnvironmentDocument, previous?: CompiledEnvironment): Promise<CompiledEnvironment | undefined> {
  const { feature_states: states, identity_overrides: overrides } = document
  let made = previous
  for (let start = 0; start < Math.max(states.length, overrides.length); start += partsPerSlice) {
    const end = start + partsPerSlice
    await letOthersRun()
    made = compile({ ...document, feature_states: states.slice(start, end), identity_overrides: overrides.slice(start, end) }, made)
  }
  return made
}

async function readSource(db: Queryable, environmentId: number): Promise<Source | undefined> {
  const place = await findPlace(db, environmentId)
  if (!place) return undefined
  const rows = new DocumentRows()
  await readPages(db, place, rows)
  return { rows, assemble: createAssembler(), place }
}

/** Whether one snapshot is of a later state than another. An epoch outranks revisions: it is raised when they may have gone back. */
export const isNewer = (one: EnvironmentSnapshot, other: EnvironmentSnapshot): boolean =>
  one.epoch !== other.epoch ? one.epoch > other.epoch : one.revision > other.revision

/** What a key opens in an environment at an instant; undefined for keys that are inactive, expired or of another. */
export function openWith({ snapshot, keys }: HeldEnvironment, key: string, now: Date): OpenedEnvironment | undefined {
  const known = keys.find((candidate) => candidate.key === key)
  if (!known?.active || (known.expiresAt && known.expiresAt <= now)) return undefined
  return { snapshot, audience: known.audience }
}
