import { sql } from 'kysely'
import { actorId } from '../access/actor.ts'
import type { EnvironmentRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'

/**
 * Part of commands that clone environments: the defaults and segment overrides that count now, with their places and weights, as
 * the first version of each feature. One statement, because a project may have thousands of features.
 */
export async function cloneStates(
  edit: Edit,
  source: Pick<EnvironmentRow, 'id' | 'project_id'>,
  target: Pick<EnvironmentRow, 'id'>,
): Promise<void> {
  await sql`
    with seeds as (
      select s.* from feature_states s
        join features f on f.id = s.feature_id and f.deleted_at is null
        left join segments g on g.id = s.segment_id
       where s.environment_id = ${source.id} and s.project_id = ${source.project_id}
         and s.identifier is null and s.removed_at is null and g.deleted_at is null
       order by s.id
    ), headers as (
      insert into feature_versions (environment_id, feature_id, number, live_from, author_kind, author_id, author_name)
      select ${target.id}::integer, feature_id, 1, ${edit.at}, ${edit.actor.kind}, ${actorId(edit.actor)}::integer, ${edit.actor.name}
        from (select distinct feature_id from seeds order by feature_id) features
      returning id, feature_id
    ), places as (
      insert into feature_segments (project_id, environment_id, feature_id, segment_id, priority, created_at)
      select p.project_id, ${target.id}::integer, p.feature_id, p.segment_id, p.priority, ${edit.at}
        from feature_segments p
        join features f on f.id = p.feature_id and f.deleted_at is null
        join segments g on g.id = p.segment_id and g.deleted_at is null
       where p.environment_id = ${source.id} and p.removed_at is null
       order by p.id
    ), weights as (
      -- Their ids order the shares among each other, so they are numbered in that order.
      select s.id as state_id, (w ->> 'id')::integer as old_id, w -> 'variant_id' as variant_id, w -> 'weight' as weight
        from seeds s cross join jsonb_array_elements(s.variants) w
       order by s.id, (w ->> 'id')::integer offset 0
    ), numbered as (
      select weights.*, nextval('variant_weights_id_seq') as id from weights
    )
    insert into feature_states (project_id, environment_id, feature_id, segment_id, enabled, value, variants, feature_version_id, live_from, created_at, updated_at)
    select s.project_id, ${target.id}::integer, s.feature_id, s.segment_id, s.enabled, s.value,
           coalesce((select jsonb_agg(jsonb_build_object('id', n.id, 'uuid', gen_random_uuid(), 'variant_id', n.variant_id, 'weight', n.weight) order by n.id)
                       from numbered n where n.state_id = s.id), '[]'::jsonb),
           h.id, ${edit.at}, ${edit.at}, ${edit.at}
      from seeds s join headers h on h.feature_id = s.feature_id
     order by s.id`.execute(edit.tx)
}
