import { conflict, invalid, notFound, unknownId } from '@halyard/contract'
import { sql } from 'kysely'
import type { EnvironmentRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { addOverride, openVersions, removeOverrides, type StatePatch } from '../feature-states/commands.ts'
import { findFeature, type FeatureRow, type PlaceRow } from '../feature-states/queries.ts'
import { readState, type FeatureStateRow } from '../feature-states/rules.ts'
import { findSegment, getPlace, listPlaces, type Overridden, type SegmentRow } from './queries.ts'
import { orderAfter, whyNotOverridable, type Move } from './rules.ts'

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
  const place = await addPlace(edit, scope, { feature, segment, priority: wanted.priority })
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
  const place = await addPlace(edit, scope, { feature, segment, priority: wanted.priority })
  const state = await addOverride(edit, { ...scope, feature }, { segmentId: segment.id }, content)
  await recordChange(edit, { type: 'segment_override.created', ...scope, subject: place.id, after: { ...state, priority: place.priority } })
  return { place, state }
}

/** Removes a segment override, with its state if it has one. */
export async function deleteFeatureSegment(edit: Edit, scope: Scope, id: number): Promise<void> {
  const { segment_name: _name, segment_feature_id: _feature, ...place } = await getPlace(edit.tx, scope.environment, { id })
  const [state] = await removePlaces(edit, [place])
  const before = { ...(state ?? place), priority: place.priority }
  await recordChange(edit, { type: 'segment_override.deleted', ...scope, subject: place.id, before })
}

/** Moves overrides; all must be of one feature in the environment. */
export async function reorderFeatureSegments(edit: Edit, scope: Scope, moves: readonly Move[]): Promise<Overridden> {
  const ids = moves.map(({ id }) => id)
  const named = await edit.tx
    .selectFrom('feature_segments')
    .select(['id', 'environment_id', 'feature_id'])
    .where('id', 'in', ids)
    .where('environment_id', '=', scope.environment.id)
    .where('removed_at', 'is', null)
    .execute()
  const [first] = named
  if (!first || named.length !== ids.length) throw conflict('Some of the provided ids were not found, or one is listed twice.')
  if (named.some((place) => place.feature_id !== first.feature_id))
    throw conflict('All feature segments must belong to the same feature & environment.')
  const places = await listPlaces(edit.tx, first)
  const before = places.map((place) => place.id)
  const after = orderAfter(before, moves)
  await writeOrder(edit, after)
  await openVersions(edit, [first])
  await recordChange(edit, {
    type: 'segment_override.reordered',
    ...scope,
    subject: first.feature_id,
    before: { order: before },
    after: { order: after },
  })
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

async function addPlace(
  edit: Edit,
  { project, environment }: Scope,
  { feature, segment, priority }: { feature: FeatureRow; segment: SegmentRow; priority: number | undefined },
) {
  const of = { environment_id: environment.id, feature_id: feature.id }
  const others = await listPlaces(edit.tx, of)
  if (others.some((place) => place.segment_id === segment.id)) {
    throw conflict(`The segment “${segment.name}” already overrides “${feature.name}” in ${environment.name}.`)
  }
  const place = await edit.tx
    .insertInto('feature_segments')
    .values({
      ...of,
      project_id: project.id,
      segment_id: segment.id,
      priority: Math.min(priority ?? others.length, others.length),
      created_at: edit.at,
    })
    .onConflict((conflicting) =>
      conflicting
        .columns(['environment_id', 'feature_id', 'segment_id'])
        .doUpdateSet((excluded) => ({ priority: excluded.ref('excluded.priority'), removed_at: null })),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
  await writeOrder(
    edit,
    orderAfter(
      others.map(({ id }) => id),
      [place],
    ),
  )
  await openVersions(edit, [of])
  return place
}

/** Answers with the states that went with the places. */
async function removePlaces(edit: Edit, places: readonly PlaceRow[]): Promise<FeatureStateRow[]> {
  if (places.length === 0) return []
  const ids = places.map(({ id }) => id)
  const states = await edit.tx
    .selectFrom('feature_states')
    .innerJoin('feature_segments as place', (join) =>
      join
        .onRef('place.environment_id', '=', 'feature_states.environment_id')
        .onRef('place.feature_id', '=', 'feature_states.feature_id')
        .onRef('place.segment_id', '=', 'feature_states.segment_id'),
    )
    .selectAll('feature_states')
    .where('place.id', 'in', ids)
    .where('feature_states.removed_at', 'is', null)
    .execute()
  await edit.tx.updateTable('feature_segments').set({ removed_at: edit.at }).where('id', 'in', ids).execute()
  await closeGaps(edit, places)
  await openVersions(edit, places)
  await removeOverrides(edit, states)
  return states.map(readState)
}

async function writeOrder(edit: Edit, ids: readonly number[]): Promise<void> {
  await sql`
    update feature_segments as place set priority = ordered.position - 1
      from unnest(${ids}::integer[]) with ordinality as ordered (id, position)
     where place.id = ordered.id and place.priority <> ordered.position - 1`.execute(edit.tx)
}

async function closeGaps(edit: Edit, overridden: readonly Overridden[]): Promise<void> {
  await sql`
    update feature_segments as place set priority = ordered.position - 1
      from (select p.id, row_number() over (partition by p.environment_id, p.feature_id order by p.priority, p.id) as position
              from feature_segments p
             where p.removed_at is null
               and (p.environment_id, p.feature_id) in (
                     select * from unnest(${overridden.map((place) => place.environment_id)}::integer[], ${overridden.map((place) => place.feature_id)}::integer[]))
           ) as ordered
     where place.id = ordered.id and place.priority <> ordered.position - 1`.execute(edit.tx)
}
