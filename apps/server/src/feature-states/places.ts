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

/** Part of commands that move segment overrides: the places of a feature stand as they are listed. */
export async function writeOrder(edit: Edit, of: Overridden, ids: readonly number[]): Promise<void> {
  const moved = await sql`
    update feature_segments as place set priority = ordered.position - 1
      from unnest(${ids}::integer[]) with ordinality as ordered (id, position)
     where place.id = ordered.id and place.priority <> ordered.position - 1`.execute(edit.tx)
  if (moved.numAffectedRows !== 0n) await openVersions(edit, [of])
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
