import { api, type Reply } from '@halyard/contract'
import { refuseDirectWrite } from '../feature-states/change-flag.ts'
import { presentState, presentTypedValue } from '../feature-states/rules.ts'
import type { Actor } from '../access/actor.ts'
import { requirePermission } from '../access/authorise.ts'
import type { ScopeRows } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { createFeatureSegment, createSegmentOverride, deleteFeatureSegment, reorderFeatureSegments } from './commands.ts'
import { countPlaces, getPlace, listPlaces, type NamedPlace } from './queries.ts'

export const featureSegmentRoutes = (): Route[] =>
  implement(api.featureSegments, {
    async list({ db, environment, query, url }) {
      const of = { environment_id: environment.id, feature_id: query.feature }
      const [places, count] = await Promise.all([listPlaces(db, of, slice(query)), countPlaces(db, of)])
      return pageOf(url, query, { count, results: places.map(present) })
    },
    async create({ edit, actor, organisation, project, environment, body }) {
      refuseDirectWrite(environment)
      await requireOverriding(edit, actor, { organisation, project, environment }, body.feature)
      const { feature, segment, priority } = body
      const place = await createFeatureSegment(edit, { project, environment }, { feature, segment, priority: priority ?? undefined })
      return present(await getPlace(edit.tx, environment, { id: place.id }))
    },
    get: async ({ db, environment, params }) => present(await getPlace(db, environment, { id: params.feature_segment })),
    getByUuid: async ({ db, environment, params }) => present(await getPlace(db, environment, { uuid: params.uuid })),
    async delete({ edit, actor, organisation, project, environment, params }) {
      refuseDirectWrite(environment)
      const place = await getPlace(edit.tx, environment, { id: params.feature_segment })
      await requireOverriding(edit, actor, { organisation, project, environment }, place.feature_id)
      await deleteFeatureSegment(edit, { project, environment }, params.feature_segment)
      return undefined
    },
    async updatePriorities({ edit, actor, organisation, project, environment, body }) {
      refuseDirectWrite(environment)
      const of = await reorderFeatureSegments(edit, { project, environment }, body)
      await requireOverriding(edit, actor, { organisation, project, environment }, of.feature_id)
      return (await listPlaces(edit.tx, of)).map(present)
    },
    async createOverride({ edit, actor, organisation, project, environment, params, body }) {
      refuseDirectWrite(environment)
      await requireOverriding(edit, actor, { organisation, project, environment }, params.feature)
      const { place, state } = await createSegmentOverride(edit, { project, environment }, { ...body, feature: params.feature })
      return {
        ...presentState(state),
        feature_state_value: presentTypedValue(state.value),
        identity: null,
        feature_segment: { id: place.id, segment: place.segment_id, priority: place.priority, uuid: place.uuid },
      }
    },
  })

// It may be held for features with certain tags only.
const requireOverriding = ({ tx }: Edit, actor: Actor, rows: ScopeRows, feature: number): Promise<void> =>
  requirePermission(tx, actor, rows, { permission: 'MANAGE_SEGMENT_OVERRIDES', level: 'environment', feature })

const present = (place: NamedPlace): Reply<typeof api.featureSegments.get> => ({
  id: place.id,
  uuid: place.uuid,
  feature: place.feature_id,
  segment: place.segment_id,
  environment: place.environment_id,
  priority: place.priority,
  segment_name: place.segment_name,
  is_feature_specific: place.segment_feature_id !== null,
})
