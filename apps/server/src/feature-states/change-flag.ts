import { invalid, notFound, Problem, unknownId } from '@halyard/contract'
import type { EnvironmentRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { addOverride, refuseWeights, removeOverrides, writeState } from './commands.ts'
import { addPlace, removePlaces, writeOrder } from './places.ts'
import { findFeature, findSegments, listIdentityStates, readFlag, type FeatureRow, type Flag, type PlaceRow } from './queries.ts'
import { alreadySays, isNothing, orderAfter, whyNotOverridable, type FeatureStateRow, type StatePatch } from './rules.ts'

/** What an edit makes of one feature in one environment. What is not named stays as it is. */
export interface FlagChange {
  readonly default?: StatePatch | undefined
  /** Changed where they are, made where they are not. With nothing in `content`, one that is there only moves. */
  readonly segments?: readonly SegmentOverrideChange[] | undefined
  /** Segments whose override goes; those that have none are as they should be. */
  readonly withoutSegments?: readonly number[] | undefined
  readonly identities?: readonly IdentityOverrideChange[] | undefined
  readonly withoutIdentities?: readonly string[] | undefined
}

export interface SegmentOverrideChange {
  readonly segmentId: number
  /** Where it should stand, 0 being the strongest. Absent: where it is, or after all others. */
  readonly priority?: number | undefined
  readonly content: StatePatch
}

interface IdentityOverrideChange {
  readonly identifier: string
  readonly content: StatePatch
}

export interface FlagScope {
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
  readonly feature: FeatureRow
}

/**
 * The one command that changes what a feature is in an environment; every endpoint, schedule and copy is a view of it. What says
 * already what is wanted is left alone. Answers whether anything changed.
 */
export async function changeFlag(edit: Edit, scope: FlagScope, change: FlagChange): Promise<boolean> {
  const flag = await readFlag(edit.tx, scope)
  await refuseChange(edit, scope, change)
  const done = [
    await changeDefault(edit, scope, flag, change.default),
    await removeSegments(edit, scope, flag, change.withoutSegments ?? []),
    await changeSegments(edit, scope, change.segments ?? []),
    await changeIdentities(edit, scope, change),
  ]
  return done.includes(true)
}

/** Changes one state that is there, whoever's it is. */
export async function updateFeatureState(
  edit: Edit,
  rows: Omit<FlagScope, 'feature'>,
  state: FeatureStateRow,
  content: StatePatch,
): Promise<void> {
  const feature = await findFeature(edit.tx, rows.project, state.feature_id)
  if (!feature) throw notFound()
  const { segment_id: segmentId, identifier } = state
  if (segmentId !== null) await changeFlag(edit, { ...rows, feature }, { segments: [{ segmentId, content }] })
  else if (identifier !== null) await changeFlag(edit, { ...rows, feature }, { identities: [{ identifier, content }] })
  else await changeFlag(edit, { ...rows, feature }, { default: content })
}

/** Part of commands that keep a change for later: refuses now what cannot be. */
export async function refuseChange(edit: Edit, { project, feature }: FlagScope, change: FlagChange): Promise<void> {
  const { segments = [], withoutSegments = [] } = change
  const contents = [change.default, ...segments.map(({ content }) => content)]
  for (const content of contents) await refuseWeights(edit, feature.id, content?.weights ?? [])
  const ids = segments.map(({ segmentId }) => segmentId)
  const twice = [...ids, ...withoutSegments].find((id, index, all) => all.indexOf(id) !== index)
  if (twice !== undefined) throw invalid({ segment: [`The segment ${twice} is named twice.`] })
  const found = new Map((await findSegments(edit.tx, project, ids)).map((segment) => [segment.id, segment]))
  for (const id of ids) {
    const segment = found.get(id)
    const reason = segment ? whyNotOverridable(feature, segment) : unknownId(id)
    if (reason) throw invalid({ segment: [reason] })
  }
}

/** Part of commands that name segments whose override goes: they may have none, but are the project's. */
export async function refuseUnknownSegments(edit: Edit, { project }: FlagScope, ids: readonly number[]): Promise<void> {
  const found = await findSegments(edit.tx, project, ids)
  const unknown = ids.find((id) => found.every((segment) => segment.id !== id))
  if (unknown !== undefined) throw invalid({ segment: [unknownId(unknown)] })
}

/** Where feature states are changed through versions only, nothing else may change a default or a segment override. */
export function refuseDirectWrite({ use_v2_feature_versioning: throughVersions }: EnvironmentRow): void {
  if (!throughVersions) return
  const detail = 'This environment uses v2 feature versioning. Make and publish a version to change feature states.'
  throw new Problem('invalid', detail, { body: { detail, code: 'direct_feature_state_write_not_allowed' } })
}

async function changeDefault(edit: Edit, { project, environment }: FlagScope, flag: Flag, patch: StatePatch | undefined) {
  const before = flag.default
  if (!patch || alreadySays(before, patch)) return false
  const after = await writeState(edit, before, patch)
  await recordChange(edit, { type: 'feature_state.updated', project, environment, subject: before.id, before, after })
  return true
}

async function removeSegments(edit: Edit, { project, environment }: FlagScope, flag: Flag, segmentIds: readonly number[]) {
  const places = flag.places.filter((place) => segmentIds.includes(place.segment_id))
  const states = await removePlaces(edit, places)
  for (const place of places) {
    const before = { ...(states.find((state) => state.segment_id === place.segment_id) ?? place), priority: place.priority }
    await recordChange(edit, { type: 'segment_override.deleted', project, environment, subject: place.id, before })
  }
  return places.length > 0
}

async function changeSegments(edit: Edit, scope: FlagScope, wanted: readonly SegmentOverrideChange[]) {
  if (wanted.length === 0) return false
  const flag = await readFlag(edit.tx, scope)
  const places = await arrangePlaces(edit, scope, flag, wanted)
  let changed = await recordOrder(edit, scope, flag, places)
  for (const { segmentId, content } of wanted) {
    const place = places.find((each) => each.segment_id === segmentId)
    if (place) changed = (await changeSegment(edit, scope, { flag, place, content })) || changed
  }
  return changed
}

/** All places once these are there and stand where they should, the strongest first. */
async function arrangePlaces(edit: Edit, scope: FlagScope, flag: Flag, wanted: readonly SegmentOverrideChange[]): Promise<PlaceRow[]> {
  const of = { environment_id: scope.environment.id, feature_id: scope.feature.id }
  const places = [...flag.places]
  const moves: { id: number; priority: number }[] = []
  for (const { segmentId, priority } of wanted) {
    const place =
      places.find((each) => each.segment_id === segmentId) ??
      (await addPlace(edit, { ...of, project_id: scope.project.id, segment_id: segmentId }, places.length))
    if (!places.includes(place)) places.push(place)
    if (priority !== undefined) moves.push({ id: place.id, priority })
  }
  const order = orderAfter(
    places.map(({ id }) => id),
    moves,
  )
  // A statement that moves nothing would still count as a write of configuration.
  if (places.some((place) => order[place.priority] !== place.id)) await writeOrder(edit, of, order)
  return order.flatMap((id, priority) => places.filter((place) => place.id === id).map((place) => ({ ...place, priority })))
}

// That others make room for a new override, or close up after one, is no change of their order.
async function recordOrder(edit: Edit, { project, environment, feature }: FlagScope, flag: Flag, places: readonly PlaceRow[]) {
  const before = flag.places.map(({ id }) => id)
  const after = places.map(({ id }) => id).filter((id) => before.includes(id))
  if (before.every((id, index) => after[index] === id)) return false
  const type = 'segment_override.reordered'
  await recordChange(edit, { type, project, environment, subject: feature.id, before: { order: before }, after: { order: after } })
  return true
}

interface Override {
  readonly flag: Flag
  readonly place: PlaceRow
  readonly content: StatePatch
}

async function changeSegment(edit: Edit, scope: FlagScope, { flag, place, content }: Override): Promise<boolean> {
  const { project, environment } = scope
  const before = flag.states.find((state) => state.segment_id === place.segment_id)
  const isNew = flag.places.every(({ id }) => id !== place.id)
  if (before ? alreadySays(before, content) : !isNew && isNothing(content)) return false
  const after = before ? await writeState(edit, before, content) : await addOverride(edit, scope, { segmentId: place.segment_id }, content)
  await recordChange(edit, {
    type: isNew ? 'segment_override.created' : 'segment_override.updated',
    project,
    environment,
    subject: place.id,
    ...(!isNew && { before: before ? { ...before, priority: place.priority } : place }),
    after: { ...after, priority: place.priority },
  })
  return true
}

async function changeIdentities(edit: Edit, scope: FlagScope, { identities = [], withoutIdentities = [] }: FlagChange): Promise<boolean> {
  if (identities.length + withoutIdentities.length === 0) return false
  const { project, environment } = scope
  const states = await listIdentityStates(edit.tx, scope, [...identities.map(({ identifier }) => identifier), ...withoutIdentities])
  const removed = states.filter(({ identifier }) => identifier !== null && withoutIdentities.includes(identifier))
  if (removed.length > 0) await removeOverrides(edit, removed)
  for (const before of removed)
    await recordChange(edit, { type: 'identity_override.deleted', project, environment, subject: before.id, before })
  let changed = removed.length > 0
  for (const { identifier, content } of identities) {
    const before = states.find((state) => state.identifier === identifier)
    if (before && alreadySays(before, content)) continue
    const after = before ? await writeState(edit, before, content) : await addOverride(edit, scope, { identifier }, content)
    const type = before ? 'identity_override.updated' : 'identity_override.created'
    await recordChange(edit, { type, project, environment, subject: after.id, ...(before && { before }), after })
    changed = true
  }
  return changed
}
