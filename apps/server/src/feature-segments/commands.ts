import { conflict, invalid, notFound, unknownId } from '@halyard/contract'
import type { EnvironmentRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { changeFlag } from '../feature-states/change-flag.ts'
import { addPlace, removePlaces, writeOrder, type Overridden } from '../feature-states/places.ts'
import { findFeature, findSegment, readFlag, type FeatureRow, type PlaceRow, type SegmentRow } from '../feature-states/queries.ts'
import { orderAfter, whyNotOverridable, type FeatureStateRow, type Move, type StatePatch } from '../feature-states/rules.ts'
import { getPlace } from './queries.ts'

interface Scope {
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
}

interface NewPlace {
  readonly feature: number
  readonly segment: number
  /** Absent: after all others. */
  readonly priority?: number | undefined
}

/** Makes a place for a segment override, still without a state. */
export async function createFeatureSegment(edit: Edit, scope: Scope, wanted: NewPlace): Promise<PlaceRow> {
  const feature = await findFeature(edit.tx, scope.project, wanted.feature)
  if (!feature) throw invalid({ feature: [unknownId(wanted.feature)] })
  const segment = await findSegment(edit.tx, scope.project, wanted.segment)
  if (!segment) throw invalid({ segment: [unknownId(wanted.segment)] })
  const reason = whyNotOverridable(feature, segment)
  if (reason) throw invalid({ segment: [reason] })
  const { places } = await readFlag(edit.tx, { ...scope, feature })
  refuseTaken(scope, { feature, segment, places })
  const of = { environment_id: scope.environment.id, feature_id: feature.id }
  const added = await addPlace(edit, { ...of, project_id: scope.project.id, segment_id: segment.id }, places.length)
  const place = { ...added, priority: Math.min(wanted.priority ?? places.length, places.length) }
  const order = orderAfter(
    places.map(({ id }) => id),
    [place],
  )
  await writeOrder(edit, of, order)
  await recordChange(edit, { type: 'segment_override.created', ...scope, subject: place.id, after: place })
  return place
}

/** A place and its state at once. */
export async function createSegmentOverride(
  edit: Edit,
  scope: Scope,
  { content, ...wanted }: NewPlace & { content: StatePatch },
): Promise<{ place: PlaceRow; state: FeatureStateRow }> {
  const feature = await findFeature(edit.tx, scope.project, wanted.feature)
  if (!feature) throw notFound()
  const segment = await findSegment(edit.tx, scope.project, wanted.segment)
  const reason = segment ? whyNotOverridable(feature, segment) : unknownId(wanted.segment)
  if (!segment || reason) throw invalid({ feature_segment: { segment: [reason ?? unknownId(wanted.segment)] } })
  const { places } = await readFlag(edit.tx, { ...scope, feature })
  refuseTaken(scope, { feature, segment, places })
  await changeFlag(edit, { ...scope, feature }, { segments: [{ segmentId: segment.id, priority: wanted.priority, content }] })
  const made = await readFlag(edit.tx, { ...scope, feature })
  const place = made.places.find((each) => each.segment_id === segment.id)
  const state = made.states.find((each) => each.segment_id === segment.id)
  if (!place || !state) throw new Error(`The override of feature ${feature.id} for segment ${segment.id} was not made.`)
  return { place, state }
}

/** Removes a segment override, with its state if it has one. */
export async function deleteFeatureSegment(edit: Edit, scope: Scope, id: number): Promise<void> {
  const place = await getPlace(edit.tx, scope.environment, { id })
  await changeFlag(edit, { ...scope, feature: await getFeature(edit, scope, place) }, { withoutSegments: [place.segment_id] })
}

/** Moves overrides; all must be of one feature in the environment. */
export async function reorderFeatureSegments(edit: Edit, scope: Scope, moves: readonly Move[]): Promise<Overridden> {
  const ids = moves.map(({ id }) => id)
  const named = await edit.tx
    .selectFrom('feature_segments')
    .select(['id', 'environment_id', 'feature_id', 'segment_id'])
    .where('id', 'in', ids)
    .where('environment_id', '=', scope.environment.id)
    .where('removed_at', 'is', null)
    .execute()
  const [first] = named
  if (!first || named.length !== ids.length) throw conflict('Some of the provided ids were not found, or one is listed twice.')
  if (named.some((place) => place.feature_id !== first.feature_id))
    throw conflict('All feature segments must belong to the same feature & environment.')
  const segments = moves.flatMap(({ id, priority }) =>
    named.filter((place) => place.id === id).map((place) => ({ segmentId: place.segment_id, priority, content: {} })),
  )
  await changeFlag(edit, { ...scope, feature: await getFeature(edit, scope, first) }, { segments })
  return first
}

/** Part of commands that delete segments; they record the change. */
export async function removeSegmentOverrides(edit: Edit, segment: Pick<SegmentRow, 'id' | 'project_id'>): Promise<void> {
  const places = await edit.tx
    .selectFrom('feature_segments')
    .selectAll()
    .where('segment_id', '=', segment.id)
    .where('project_id', '=', segment.project_id)
    .where('removed_at', 'is', null)
    .execute()
  await removePlaces(edit, places)
}

interface Taken {
  readonly feature: FeatureRow
  readonly segment: SegmentRow
  readonly places: readonly PlaceRow[]
}

function refuseTaken({ environment }: Scope, { feature, segment, places }: Taken): void {
  if (places.some((place) => place.segment_id === segment.id))
    throw conflict(`The segment “${segment.name}” already overrides “${feature.name}” in ${environment.name}.`)
}

async function getFeature(edit: Edit, { project }: Scope, { feature_id: id }: Pick<PlaceRow, 'feature_id'>): Promise<FeatureRow> {
  const feature = await findFeature(edit.tx, project, id)
  if (!feature) throw notFound()
  return feature
}
