import { api, conflict, invalid, unknownId, type Body, type Reply } from '@halyard/contract'
import { identityId } from '@halyard/sdk-api'
import type { Actor } from '../access/actor.ts'
import { requirePermission } from '../access/authorise.ts'
import type { EnvironmentRow, OrganisationRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { changeFlag, refuseDirectWrite, updateFeatureState, type FlagScope } from './change-flag.ts'
import { findFeature, findPlace, getFeatureState, listIdentityStates, pageFeatureStates, readFlag } from './queries.ts'
import { permissionToWrite, presentState, presentTypedValue, type FeatureStateRow, type PlacedState, type StatePatch } from './rules.ts'

export const featureStateRoutes = (): Route[] =>
  implement(api.featureStates, {
    async list({ db, environment, query, url }) {
      const filter = {
        of: query.anyIdentity === undefined ? 'environment' : 'identities',
        feature: query.feature,
        featureName: query.feature_name,
      } as const
      const { rows, count } = await pageFeatureStates(db, environment, { filter, range: slice(query) })
      return pageOf(url, query, { count, results: rows.map(presentPlain) })
    },
    get: async ({ db, environment, params }) => presentPlain(await getFeatureState(db, environment, { id: params.feature_state })),
    update: async (input) => presentPlain(await update(input)),
    replace: async (input) => presentPlain(await update(input)),
    async listTyped({ db, environment, query, url }) {
      const filter = { of: 'environment and segments', feature: query.feature, place: query.feature_segment } as const
      const { rows, count } = await pageFeatureStates(db, environment, { filter, range: slice(query) })
      return pageOf(url, query, { count, results: rows.map(presentTyped) })
    },
    createTyped: async (input) => presentTyped(await create(input)),
    getTyped: async ({ db, environment, params }) => presentTyped(await getFeatureState(db, environment, { id: params.feature_state })),
    getTypedByUuid: async ({ db, environment, params }) => presentTyped(await getFeatureState(db, environment, { uuid: params.uuid })),
    updateTyped: async (input) => presentTyped(await update(input)),
    replaceTyped: async (input) => presentTyped(await update(input)),
  })

interface Rows {
  readonly organisation: OrganisationRow
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
}

interface Write extends Rows {
  readonly edit: Edit
  readonly actor: Actor
}

async function update({
  edit,
  actor,
  params,
  body,
  ...rows
}: Write & { params: { feature_state: number }; body: StatePatch }): Promise<PlacedState> {
  const state = await getFeatureState(edit.tx, rows.environment, { id: params.feature_state })
  await requirePermission(edit.tx, actor, rows, { permission: permissionToWrite(state), level: 'environment', feature: state.feature_id })
  if (state.identifier === null) refuseDirectWrite(rows.environment)
  await updateFeatureState(edit, rows, state, body)
  return getFeatureState(edit.tx, rows.environment, { id: state.id })
}

async function create({ edit, actor, body, ...rows }: Write & { body: Body<typeof api.featureStates.createTyped> }): Promise<PlacedState> {
  const { placeId, identifier, content } = body
  const permission = placeId === null ? 'UPDATE_FEATURE_STATE' : 'MANAGE_SEGMENT_OVERRIDES'
  await requirePermission(edit.tx, actor, rows, { permission, level: 'environment', feature: body.feature })
  const feature = await findFeature(edit.tx, rows.project, body.feature)
  if (!feature) throw invalid({ feature: [unknownId(body.feature)] })
  const scope = { ...rows, feature }
  const state =
    placeId === null ? await createForIdentity(edit, scope, identifier, content) : await createAtPlace(edit, scope, placeId, content)
  return getFeatureState(edit.tx, rows.environment, { id: state.id })
}

const alreadyThere = () => conflict('Feature state already exists for this override.')

async function createAtPlace(edit: Edit, scope: FlagScope, placeId: number, content: StatePatch): Promise<FeatureStateRow> {
  const place = await findPlace(edit.tx, scope.environment, { id: placeId })
  if (place?.feature_id !== scope.feature.id) throw invalid({ feature_segment: [unknownId(placeId)] })
  refuseDirectWrite(scope.environment)
  const ofSegment = (state: { segment_id: number | null }) => state.segment_id === place.segment_id
  if ((await readFlag(edit.tx, scope)).states.some(ofSegment)) throw alreadyThere()
  // With something said, because a place of which nothing is said would only move.
  const said = { ...content, enabled: content.enabled ?? false }
  await changeFlag(edit, scope, { segments: [{ segmentId: place.segment_id, content: said }] })
  const state = (await readFlag(edit.tx, scope)).states.find(ofSegment)
  if (!state) throw new Error(`The state of the override at place ${place.id} was not made.`)
  return state
}

async function createForIdentity(edit: Edit, scope: FlagScope, identifier: string, content: StatePatch): Promise<FeatureStateRow> {
  const [before] = await listIdentityStates(edit.tx, scope, [identifier])
  if (before) throw alreadyThere()
  await changeFlag(edit, scope, { identities: [{ identifier, content }] })
  const [state] = await listIdentityStates(edit.tx, scope, [identifier])
  if (!state) throw new Error(`The override of feature ${scope.feature.id} was not made.`)
  return state
}

function presentPlain(state: PlacedState): Reply<typeof api.featureStates.get> {
  const { identifier } = state
  return {
    ...presentState(state, state.version_uuid),
    feature_state_value: state.value,
    identity: identifier === null ? null : { id: identityId(state.environment_id, identifier), identifier },
    feature_segment: state.feature_segment_id,
  }
}

const presentTyped = (state: PlacedState): Reply<typeof api.featureStates.getTyped> => ({
  ...presentState(state, state.version_uuid),
  feature_state_value: presentTypedValue(state.value),
  identity: state.identifier === null ? null : identityId(state.environment_id, state.identifier),
  feature_segment: state.feature_segment_id,
})
