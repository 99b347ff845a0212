import { compile } from '@halyard/engine'
import type { EnvironmentSnapshot, OpenedEnvironment } from '@halyard/sdk-api'
import type { Queryable } from '../access/rows.ts'
import { assembleDocument } from './build-document.ts'
import { listServerKeys, readDocumentRows, type KeyRow } from './queries.ts'

/** An environment as it is held in memory: what it answers, and which keys open it. */
export interface HeldEnvironment {
  readonly snapshot: EnvironmentSnapshot
  readonly serverKeys: readonly KeyRow[]
}

/** Reads and compiles an environment; undefined when it, or anything above it, is gone. */
export async function loadEnvironment(db: Queryable, environmentId: number): Promise<HeldEnvironment | undefined> {
  const read = await readDocumentRows(db, environmentId)
  const document = read && assembleDocument(read.rows, read.updatedAt)
  if (!document) return undefined
  const snapshot: EnvironmentSnapshot = {
    environmentId,
    epoch: read.epoch,
    revision: read.revision,
    updatedAt: read.updatedAt,
    previousUpdatedAt: read.previousUpdatedAt,
    streamedAt: read.streamedAt,
    compiled: compile(document),
  }
  // After the document: keys that changed in between are then newer than the revision, never older.
  return { snapshot, serverKeys: await listServerKeys(db, environmentId) }
}

/** Whether one snapshot is of a later state than another. An epoch outranks revisions: it is raised when they may have gone back. */
export const isNewer = (one: EnvironmentSnapshot, other: EnvironmentSnapshot): boolean =>
  one.epoch !== other.epoch ? one.epoch > other.epoch : one.revision > other.revision

/** What a key opens in an environment at an instant; undefined for keys that are inactive, expired or of another. */
export function openWith({ snapshot, serverKeys }: HeldEnvironment, key: string, now: Date): OpenedEnvironment | undefined {
  if (key === snapshot.compiled.document.api_key) return { snapshot, audience: 'client' }
  const serverKey = serverKeys.find((candidate) => candidate.key === key)
  if (!serverKey?.active || (serverKey.expiresAt && serverKey.expiresAt <= now)) return undefined
  return { snapshot, audience: 'server' }
}
