import { notFound, Problem } from '@halyard/contract'
import { actorId } from '../access/actor.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { lockEnvironment } from '../environments/commands.ts'
import { changeFlag, refuseChange, refuseUnknownSegments, type FlagChange, type FlagScope } from '../feature-states/change-flag.ts'
import { reserveOverrides } from '../feature-states/places.ts'
import { readFlag } from '../feature-states/queries.ts'
import { enqueue } from '../runtime/jobs.ts'
import { findConflicts, findRivals, getVersion, readFlagAt } from './queries.ts'
import {
  changeTo,
  contentAfter,
  contentOf,
  differences,
  emptyDraft,
  initialValue,
  presentConflict,
  readVersion,
  whatIsLeft,
  withChange,
  type Conflict,
  type VersionRow,
} from './rules.ts'

export interface Publication {
  /** In the future: when it goes live. Else it does at once. */
  readonly liveFrom: Date | undefined
  readonly ignoreConflicts: boolean
}

export interface NewVersion {
  readonly change: FlagChange
  readonly comment: string | null
  /** Kept with a draft until it is published. */
  readonly liveFrom?: Date | undefined
}

/** Drafts a version; nothing changes for anybody until it is published. */
export async function draftVersion(edit: Edit, scope: FlagScope, wanted: NewVersion): Promise<VersionRow> {
  const version = await insertVersion(edit, scope, wanted)
  await recordVersion(edit, scope, { type: 'feature_version.created', after: version })
  return version
}

/** Makes a version and publishes it, in one edit. */
export async function createAndPublish(edit: Edit, scope: FlagScope, wanted: NewVersion & Publication): Promise<VersionRow> {
  return publishVersion(edit, scope, await insertVersion(edit, scope, wanted), wanted)
}

/** Changes a flag at once in an environment of either kind: by a version, where that is how it is done. Answers whether it changed. */
export async function changeNow(edit: Edit, scope: FlagScope, change: FlagChange, comment: string | null = null): Promise<boolean> {
  if (!scope.environment.use_v2_feature_versioning) return changeFlag(edit, scope, change)
  await refuseChange(edit, scope, change)
  const before = contentOf(await readFlag(edit.tx, scope))
  if (differences(before, contentAfter(before, change, initialValue(scope))).length === 0) return false
  await createAndPublish(edit, scope, { change, comment, ...atOnce })
  return true
}

async function insertVersion(edit: Edit, scope: FlagScope, { change, comment, liveFrom }: NewVersion): Promise<VersionRow> {
  await prepare(edit, scope, change)
  const row = await edit.tx
    .insertInto('feature_versions')
    .values({
      environment_id: scope.environment.id,
      feature_id: scope.feature.id,
      draft: JSON.stringify(withChange(emptyDraft, change)),
      drafted_at: edit.at,
      saved_at: edit.at,
      live_from: liveFrom ?? null,
      author_kind: edit.actor.kind,
      author_id: actorId(edit.actor),
      author_name: edit.actor.name,
      comment,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return readVersion(row)
}

/** Publishes what is not live yet: now, or for when it is due. What waits already is published anew. */
export async function publishVersion(edit: Edit, scope: FlagScope, before: VersionRow, wanted: Publication): Promise<VersionRow> {
  requireNotLive(before)
  const liveFrom = wanted.liveFrom ?? (before.published_at === null ? (before.live_from ?? undefined) : undefined)
  const waits = liveFrom !== undefined && liveFrom > edit.at
  if (!wanted.ignoreConflicts) {
    const conflicts = await findConflicts(edit.tx, scope, before)
    const rivals = waits ? await findRivals(edit.tx, scope, before) : []
    if (conflicts.length + rivals.length > 0) throw conflicting([...conflicts, ...rivals])
  }
  if (!waits) return makeLive(edit, scope, before)
  const after = await setVersion(edit, before, {
    ...publishedBy(edit),
    live_from: liveFrom,
    ignore_conflicts: wanted.ignoreConflicts,
    saved_at: edit.at,
    refusal: null,
  })
  await recordVersion(edit, scope, { type: 'feature_version.scheduled', before, after })
  await enqueueDue(edit, scope, liveFrom)
  return after
}

/** Part of publishing and of the schedule: the version is that of this edit from now on. */
export async function makeLive(edit: Edit, scope: FlagScope, before: VersionRow): Promise<VersionRow> {
  if (!before.draft) throw new Error(`Version ${before.uuid} is live already.`)
  const last = await edit.tx
    .selectFrom('feature_versions')
    .select((select) => select.fn.max('number').as('number'))
    .where('environment_id', '=', scope.environment.id)
    .where('feature_id', '=', scope.feature.id)
    .executeTakeFirst()
  const after = await setVersion(edit, before, {
    ...(before.published_at === null && publishedBy(edit)),
    number: (last?.number ?? 0) + 1,
    live_from: edit.at,
    draft: null,
    refusal: null,
  })
  await changeFlag(edit, scope, before.draft)
  await recordVersion(edit, scope, { type: 'feature_version.published', before, after })
  return after
}

/** Adds to what a draft changes. */
export async function changeDraft(edit: Edit, scope: FlagScope, before: VersionRow, change: FlagChange): Promise<VersionRow> {
  if (!before.draft || before.published_at !== null) throw cannotModify('Cannot modify published version.')
  await prepare(edit, scope, change)
  const after = await setVersion(edit, before, { draft: JSON.stringify(withChange(before.draft, change)) })
  await recordVersion(edit, scope, { type: 'feature_version.updated', before, after })
  return after
}

export interface VersionPatch {
  readonly liveFrom?: Date | undefined
  readonly comment?: string | null | undefined
  readonly ignoreConflicts?: boolean | undefined
}

/** Changes when what is not live yet goes live, what is said of it, and whether conflicts count. */
export async function updateVersion(edit: Edit, scope: FlagScope, before: VersionRow, patch: VersionPatch): Promise<VersionRow> {
  requireNotLive(before)
  const after = await setVersion(edit, before, {
    live_from: patch.liveFrom ?? before.live_from,
    comment: patch.comment === undefined ? before.comment : patch.comment,
    ignore_conflicts: patch.ignoreConflicts ?? before.ignore_conflicts,
  })
  await recordVersion(edit, scope, { type: 'feature_version.updated', before, after })
  if (patch.liveFrom && before.published_at !== null) await enqueueDue(edit, scope, patch.liveFrom)
  return after
}

/** Discards a draft, or cancels what waits. */
export async function deleteVersion(edit: Edit, scope: FlagScope, before: VersionRow): Promise<void> {
  requireNotLive(before)
  await edit.tx.deleteFrom('feature_versions').where('id', '=', before.id).execute()
  await recordVersion(edit, scope, { type: 'feature_version.deleted', before })
}

/** Makes a new version that says what an earlier one said. */
export async function restoreVersion(edit: Edit, scope: FlagScope, uuid: string, comment: string | null): Promise<VersionRow> {
  const version = await getVersion(edit.tx, scope, uuid)
  if (version.number === null || !version.live_from) throw cannotModify('A version that never was live cannot be restored: publish it.')
  const wanted = contentOf(await readFlagAt(edit.tx, scope, version.live_from))
  const left = whatIsLeft(wanted, await findThere(edit, scope))
  const change = changeTo(contentOf(await readFlag(edit.tx, scope)), left)
  return createAndPublish(edit, scope, { change, comment: comment ?? `Restored version ${version.number}.`, ...atOnce })
}

const atOnce: Publication = { liveFrom: undefined, ignoreConflicts: true }

async function findThere(edit: Edit, { project, feature }: FlagScope) {
  const segments = await edit.tx
    .selectFrom('segments')
    .select('id')
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .execute()
  const variants = await edit.tx.selectFrom('variants').select('id').where('feature_id', '=', feature.id).execute()
  return { segments: new Set(segments.map(({ id }) => id)), variants: new Set(variants.map(({ id }) => id)) }
}

/** Whether feature states of an environment are changed through versions only. */
export async function setVersioning(edit: Edit, environment: FlagScope['environment'], throughVersions: boolean): Promise<void> {
  const { project, before } = await lockEnvironment(edit, environment)
  if (before.use_v2_feature_versioning === throughVersions)
    throw cannotModify(throughVersions ? 'Environment already using v2 versioning.' : 'Environment is not using v2 versioning.')
  const after = await edit.tx
    .updateTable('environments')
    .set({ use_v2_feature_versioning: throughVersions })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'environment.updated', project, environment: after, subject: before.id, before, after })
}

/** Part of commands that change a version; they record the change. */
export async function setVersion(
  edit: Edit,
  { id }: VersionRow,
  columns: Partial<Omit<VersionRow, 'draft' | 'refusal'>> & { draft?: string | null; refusal?: string | null },
): Promise<VersionRow> {
  const row = await edit.tx.updateTable('feature_versions').set(columns).where('id', '=', id).returningAll().executeTakeFirst()
  if (!row) throw notFound()
  return readVersion(row)
}

interface Recorded {
  readonly type: `feature_version.${'created' | 'updated' | 'deleted' | 'scheduled' | 'published' | 'refused'}`
  readonly before?: VersionRow
  readonly after?: VersionRow
}

/** Part of commands that change a version. */
export async function recordVersion(edit: Edit, { project, environment }: FlagScope, change: Recorded): Promise<void> {
  const subject = change.after?.uuid ?? change.before?.uuid ?? ''
  await recordChange(edit, { ...change, project, environment, subject })
}

/** Refuses at once what could never go live, and gives new overrides their ids. */
async function prepare(edit: Edit, scope: FlagScope, change: FlagChange): Promise<void> {
  await refuseChange(edit, scope, change)
  await refuseUnknownSegments(edit, scope, change.withoutSegments ?? [])
  await reserveOverrides(edit, scope, change.segments?.map(({ segmentId }) => segmentId) ?? [])
}

const publishedBy = (edit: Edit) => ({
  published_at: edit.at,
  publisher_kind: edit.actor.kind,
  publisher_id: actorId(edit.actor),
  publisher_name: edit.actor.name,
})

const enqueueDue = (edit: Edit, { project }: FlagScope, runAt: Date): Promise<void> =>
  enqueue(edit.tx, { name: 'publish_due_versions', payload: { projectId: project.id }, runAt })

function requireNotLive({ number }: VersionRow): void {
  if (number !== null) throw cannotModify('This version is live, or was: it cannot be changed. Restore it, or make another one.')
}

const cannotModify = (detail: string) => new Problem('invalid', detail)

function conflicting(conflicts: readonly Conflict[]): Problem {
  const detail = 'Another version changes the same. Look at it, then publish with ignore_conflicts if this one is to count.'
  return new Problem('conflict', detail, { body: { detail, code: 'conflicts', conflicts: conflicts.map(presentConflict) } })
}
