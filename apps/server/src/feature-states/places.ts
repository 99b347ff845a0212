import { sql } from 'kysely'
import type { Edit } from '../changes/edit.ts'
import { openVersions, removeOverrides } from './commands.ts'
import type { PlaceRow } from './queries.ts'
import { readState, type FeatureStateRow } from './rules.ts'

/** Where some overrides stand: of one feature in one environment. */
export interface Overridden {
  readonly environment_id: number
  readonly feature_id: number
}

/** Part of commands that make segment overrides: a place after all others, or the one from before, with its ids. */
export async function addPlace(
  edit: Edit,
  of: Overridden & { readonly project_id: number; readonly segment_id: number },
  priority: number,
): Promise<PlaceRow> {
  const place = await edit.tx
    .insertInto('feature_segments')
    .values({ ...of, priority, created_at: edit.at })
    .onConflict((conflicting) =>
      conflicting
        .columns(['environment_id', 'feature_id', 'segment_id'])
        .doUpdateSet((excluded) => ({ priority: excluded.ref('excluded.priority'), removed_at: null })),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
  await openVersions(edit, [of])
  return place
}

interface OverridesOf {
  readonly project: { readonly id: number }
  readonly environment: { readonly id: number }
  readonly feature: { readonly id: number }
}

/** Part of commands that draft overrides: gives them their ids now, and nothing else. Those that are there, or were, have theirs. */
export async function reserveOverrides(
  edit: Edit,
  { project, environment, feature }: OverridesOf,
  segmentIds: readonly number[],
): Promise<void> {
  if (segmentIds.length === 0) return
  const ids = { project_id: project.id, environment_id: environment.id, feature_id: feature.id }
  const nowhere = { created_at: edit.at, removed_at: edit.at }
  await edit.tx
    .insertInto('feature_segments')
    .values(segmentIds.map((segment_id) => ({ ...ids, ...nowhere, segment_id, priority: 0 })))
    .onConflict((conflicting) => conflicting.doNothing())
    .execute()
  await edit.tx
    .insertInto('feature_states')
    .values(
      segmentIds.map((segment_id) => ({
        ...ids,
        ...nowhere,
        segment_id,
        enabled: false,
        version: 0,
        live_from: edit.at,
        updated_at: edit.at,
      })),
    )
    .onConflict((conflicting) => conflicting.doNothing())
    .execute()
}

/** Part of commands that remove segment overrides; answers with the states that went with the places. */
export async function removePlaces(edit: Edit, places: readonly PlaceRow[]): Promise<FeatureStateRow[]> {
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

/** Part of commands that restore segments: what was removed with the segment comes back, each at its place before what moved up since. */
export async function restorePlaces(
  edit: Edit,
  segment: { readonly id: number; readonly project_id: number },
  removedAt: Date,
): Promise<void> {
  const places = await edit.tx
    .updateTable('feature_segments')
    .set({ removed_at: null })
    .where('segment_id', '=', segment.id)
    .where('project_id', '=', segment.project_id)
    .where('removed_at', '=', removedAt)
    .returningAll()
    .execute()
  if (places.length === 0) return
  await closeGaps(edit, places, segment.id)
  const headers = await openVersions(edit, places)
  await sql`
    update feature_states s
       set removed_at = null, updated_at = ${edit.at}, live_from = ${edit.at}, version = h.number, feature_version_id = h.id
      from jsonb_to_recordset(${JSON.stringify(headers)}::jsonb) as h (id integer, environment_id integer, feature_id integer, number integer)
     where s.environment_id = h.environment_id and s.feature_id = h.feature_id and s.segment_id = ${segment.id} and s.removed_at = ${removedAt}`.execute(
    edit.tx,
  )
}

/** Part of commands that move segment overrides: the places of a feature stand as they are listed. */
export async function writeOrder(edit: Edit, of: Overridden, ids: readonly number[]): Promise<void> {
  const moved = await sql`
    update feature_segments as place set priority = ordered.position - 1
      from unnest(${ids}::integer[]) with ordinality as ordered (id, position)
     where place.id = ordered.id and place.priority <> ordered.position - 1`.execute(edit.tx)
  if (moved.numAffectedRows !== 0n) await openVersions(edit, [of])
}

/** Of two with one priority, that of the segment `first` is the stronger. */
async function closeGaps(edit: Edit, overridden: readonly Overridden[], first = 0): Promise<void> {
  await sql`
    update feature_segments as place set priority = ordered.position - 1
      from (select p.id, row_number() over (partition by p.environment_id, p.feature_id order by p.priority, p.segment_id <> ${first}, p.id) as position
              from feature_segments p
             where p.removed_at is null
               and (p.environment_id, p.feature_id) in (
                     select * from unnest(${overridden.map((place) => place.environment_id)}::integer[], ${overridden.map((place) => place.feature_id)}::integer[]))
           ) as ordered
     where place.id = ordered.id and place.priority <> ordered.position - 1`.execute(edit.tx)
}
