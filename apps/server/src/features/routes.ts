import { api, invalid, notFound, unknownId, type Query, type Reply } from '@halyard/contract'
import type { Actor } from '../access/actor.ts'
import { requirePermission } from '../access/authorise.ts'
import type { ProjectRow, Queryable, ScopeRows } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { findFeature, type FeatureRow } from '../feature-states/queries.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { presentVariant } from '../variants/rules.ts'
import { createFeature, deleteFeature, deleteFeatures, updateFeature, updateFeatures } from './commands.ts'
import { changeOwners } from './owners.ts'
import { findDetails, findFeatureByUuid, isEnvironmentSeen, isSegmentOf, pageFeatures, type FeatureDetails, type Place } from './queries.ts'
import { warnOfRename } from './rules.ts'

export const featureRoutes = (): Route[] =>
  implement(api.features, {
    async list({ db, actor, project, query, url }) {
      await refuseQuery(db, actor, project, query)
      const order = {
        by: query.sort_field === 'created_date' ? 'created_at' : query.sort_field,
        direction: query.sort_direction === 'ASC' ? 'asc' : 'desc',
      } as const
      const { rows, count } = await pageFeatures(db, project, { filter: query, order, range: slice(query) })
      return pageOf(url, query, { count, results: await presentAll(db, rows, query) })
    },
    create: async ({ edit, project, body }) => presentOne(edit.tx, await createFeature(edit, project, body)),
    get: async ({ db, project, params }) => presentOne(db, await findFeature(db, project, params.feature)),
    getByUuid: async ({ db, project, params }) => presentOne(db, await findFeatureByUuid(db, project, params.uuid)),
    update: async ({ edit, project, params, body }) => presentUpdated(edit.tx, await updateFeature(edit, project, params.feature, body)),
    replace: async ({ edit, project, params, body }) => presentUpdated(edit.tx, await updateFeature(edit, project, params.feature, body)),
    async delete({ edit, actor, organisation, project, params }) {
      await requireDeleting(edit, actor, { organisation, project }, [params.feature])
      await deleteFeature(edit, project, params.feature)
      return undefined
    },
    addOwners: async ({ edit, project, params, body }) =>
      presentOne(edit.tx, await changeOwners(edit, project, params.feature, { kind: 'owners', add: body.user_ids })),
    removeOwners: async ({ edit, project, params, body }) =>
      presentOne(edit.tx, await changeOwners(edit, project, params.feature, { kind: 'owners', remove: body.user_ids })),
    addGroupOwners: async ({ edit, project, params, body }) =>
      presentOne(edit.tx, await changeOwners(edit, project, params.feature, { kind: 'group_owners', add: body.group_ids })),
    removeGroupOwners: async ({ edit, project, params, body }) =>
      presentOne(edit.tx, await changeOwners(edit, project, params.feature, { kind: 'group_owners', remove: body.group_ids })),
    async updateMany({ edit, project, body: { features, is_archived: isArchived, add_tags: add, remove_tags: remove } }) {
      return { features: await presentAll(edit.tx, await updateFeatures(edit, project, features, { isArchived, add, remove }), {}) }
    },
    async deleteMany({ edit, actor, organisation, project, body }) {
      await requireDeleting(edit, actor, { organisation, project }, body.features)
      await deleteFeatures(edit, project, body.features)
      return undefined
    },
  })

// It may be held for features with certain tags only.
async function requireDeleting({ tx }: Edit, actor: Actor, rows: ScopeRows, features: readonly number[]): Promise<void> {
  for (const feature of features) await requirePermission(tx, actor, rows, { permission: 'DELETE_FEATURE', level: 'project', feature })
}

async function refuseQuery(db: Queryable, actor: Actor, project: ProjectRow, query: Query<typeof api.features.list>): Promise<void> {
  const { environment, segment } = query
  if (environment === undefined && (query.is_enabled !== undefined || query.value_search)) {
    throw invalid({ environment: ['Searching by state or value needs an environment.'] })
  }
  if (environment !== undefined && !(await isEnvironmentSeen(db, actor, project, environment)))
    throw invalid({ environment: [unknownId(environment)] })
  if (segment !== undefined && !(await isSegmentOf(db, project, segment))) throw invalid({ segment: [unknownId(segment)] })
}

async function presentAll(db: Queryable, features: readonly FeatureRow[], place: Place): Promise<Feature[]> {
  const details = await findDetails(db, features, place)
  return features.flatMap((feature, index) => details.slice(index, index + 1).map((each) => present(feature, each)))
}

async function presentOne(db: Queryable, feature: FeatureRow | undefined): Promise<Feature> {
  const [presented] = feature ? await presentAll(db, [feature], {}) : []
  if (!presented) throw notFound()
  return presented
}

async function presentUpdated(db: Queryable, { before, after }: { before: FeatureRow; after: FeatureRow }) {
  return { ...(await presentOne(db, after)), renamed: warnOfRename(before, after) ?? null }
}

type Feature = Reply<typeof api.features.get>
type Small = Feature['environment_feature_state']

function present(feature: FeatureRow, { tags, owners, groups, variants, states, counts: [counts] }: FeatureDetails): Feature {
  const { project_id, created_at, deleted_at: _deleted, type, ...rest } = feature
  return {
    ...rest,
    type: type === 'MULTIVARIATE' ? type : 'STANDARD',
    project: project_id,
    created_date: created_at.toISOString(),
    tags: tags.map(({ tag_id: tag }) => tag),
    owners: owners.map(({ feature_id: _feature, ...owner }) => ({ ...owner, last_login: null })),
    group_owners: groups.map(({ id, name }) => ({ id, name })),
    multivariate_options: variants.map(presentVariant),
    environment_feature_state: presentSmall(states.find((state) => state.segment_id === null)),
    segment_feature_state: presentSmall(states.find((state) => state.segment_id !== null)),
    num_segment_overrides: counts?.segment_overrides ?? 0,
    num_identity_overrides: counts?.identity_overrides ?? 0,
    is_num_identity_overrides_complete: true,
    last_modified_in_any_environment: counts?.modified_anywhere?.toISOString() ?? null,
    last_modified_in_current_environment: counts?.modified_here?.toISOString() ?? null,
    metadata: [],
    code_references_counts: [],
    lifecycle_stage: null,
  }
}

function presentSmall(state: FeatureDetails['states'][number] | undefined): Small {
  if (!state) return null
  return {
    id: state.id,
    feature_state_value: state.value,
    environment: state.environment_id,
    identity: null,
    feature_segment: state.feature_segment_id,
    enabled: state.enabled,
  }
}
