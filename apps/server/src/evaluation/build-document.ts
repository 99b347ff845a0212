import type {
  EnvironmentDocument,
  FeatureDocument,
  FeatureStateDocument,
  IdentityOverrideDocument,
  SegmentDocument,
  VariantDocument,
} from '@halyard/engine'
import { identityId } from '@halyard/sdk-api'
import type { Queryable } from '../access/rows.ts'
import type { BodyOf, DocumentKind, DocumentRow } from './document-rows.ts'
import { readDocumentRows } from './queries.ts'

/**
 * The environment's document: as `db` sees it now (inside an open edit, with that edit's own writes), or as it was at any
 * instant since the environment was made. Undefined when there is no such environment, or not at that instant.
 */
export async function buildDocument(db: Queryable, environmentId: number, instant?: Date): Promise<EnvironmentDocument | undefined> {
  const read = await readDocumentRows(db, environmentId, instant)
  return read && assembleDocument(read.rows, read.updatedAt)
}

/** Pure: rows in, document out. Undefined when the environment or anything above it is deleted. */
export function assembleDocument(rows: readonly DocumentRow[], updatedAt: Date): EnvironmentDocument | undefined {
  const [organisation] = alive(bodies(rows, 'organisation'))
  const [project] = alive(bodies(rows, 'project'))
  const [environment] = alive(bodies(rows, 'environment'))
  if (!organisation || !project || !environment) return undefined
  const states = assembleStates(rows)
  return {
    id: environment.id,
    api_key: environment.api_key,
    name: environment.name,
    updated_at: updatedAt.toISOString().replace('Z', '+00:00'),
    allow_client_traits: environment.allow_client_traits,
    hide_sensitive_data: environment.hide_sensitive_data,
    hide_disabled_flags: environment.hide_disabled_flags,
    use_identity_composite_key_for_hashing: environment.use_identity_composite_key_for_hashing,
    use_identity_overrides_in_local_eval: environment.use_identity_overrides_in_local_eval,
    project: {
      id: project.id,
      name: project.name,
      hide_disabled_flags: project.hide_disabled_flags,
      enable_realtime_updates: project.enable_realtime_updates,
      server_key_only_feature_ids: alive(bodies(rows, 'feature')).flatMap((feature) => (feature.is_server_key_only ? [feature.id] : [])),
      organisation: {
        id: organisation.id,
        name: organisation.name,
        feature_analytics: organisation.feature_analytics,
        stop_serving_flags: organisation.stop_serving_flags,
        persist_trait_data: organisation.persist_trait_data,
      },
      segments: assembleSegments(rows, states.bySegment),
    },
    feature_states: states.defaults,
    identity_overrides: assembleIdentityOverrides(environment, states.byIdentifier),
  }
}

function bodies<Kind extends DocumentKind>(rows: readonly DocumentRow[], kind: Kind): BodyOf<Kind>[]
function bodies(rows: readonly DocumentRow[], kind: DocumentKind): DocumentRow['body'][] {
  return rows.filter((row) => row.kind === kind).map((row) => row.body)
}

const alive = <Body extends { deleted_at: string | null }>(all: readonly Body[]): Body[] => all.filter((body) => body.deleted_at === null)

type StateBody = BodyOf<'feature_state'>

interface States {
  readonly defaults: FeatureStateDocument[]
  readonly bySegment: Map<number, FeatureStateDocument[]>
  readonly byIdentifier: Map<string, { document: FeatureStateDocument; createdAt: Date }[]>
}

function assembleStates(rows: readonly DocumentRow[]): States {
  const features = new Map(alive(bodies(rows, 'feature')).map((feature) => [feature.id, presentFeature(feature)]))
  const variants = new Map(bodies(rows, 'variant').map((variant) => [variant.id, variant]))
  const places = new Map(bodies(rows, 'feature_segment').map((place) => [`${place.feature_id}/${place.segment_id}`, place]))
  const states: States = { defaults: [], bySegment: new Map(), byIdentifier: new Map() }
  for (const state of bodies(rows, 'feature_state')) {
    const feature = features.get(state.feature_id)
    if (!feature || state.removed_at !== null) continue
    const document = presentState(state, feature, variants)
    if (state.identifier !== null) append(states.byIdentifier, state.identifier, { document, createdAt: state.created_at })
    else if (state.segment_id === null) states.defaults.push(document)
    else {
      const place = places.get(`${state.feature_id}/${state.segment_id}`)
      if (place && place.removed_at === null) {
        append(states.bySegment, state.segment_id, { ...document, feature_segment: { priority: place.priority } })
      }
    }
  }
  states.defaults.sort((one, other) => one.feature.id - other.feature.id)
  return states
}

function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}

const presentFeature = (feature: BodyOf<'feature'>): FeatureDocument => ({
  id: feature.id,
  name: feature.name,
  type: feature.type,
  created_date: feature.created_at.toISOString(),
  description: feature.description,
  initial_value: feature.initial_value,
  default_enabled: feature.default_enabled,
})

function presentState(state: StateBody, feature: FeatureDocument, variants: ReadonlyMap<number, BodyOf<'variant'>>): FeatureStateDocument {
  return {
    feature,
    enabled: state.enabled,
    feature_state_value: state.value,
    featurestate_uuid: state.uuid,
    django_id: state.id,
    feature_segment: null,
    multivariate_feature_state_values: state.variants.flatMap((weighted): VariantDocument[] => {
      const variant = variants.get(weighted.variant_id)
      if (!variant) return []
      const option = { id: variant.id, key: variant.key, value: variant.value }
      return [
        { id: weighted.id, mv_fs_value_uuid: weighted.uuid, percentage_allocation: weighted.weight, multivariate_feature_option: option },
      ]
    }),
  }
}

// A segment made for one feature is of interest only where it overrides that feature.
function assembleSegments(rows: readonly DocumentRow[], overrides: ReadonlyMap<number, FeatureStateDocument[]>): SegmentDocument[] {
  return alive(bodies(rows, 'segment'))
    .filter((segment) => segment.feature_id === null || overrides.has(segment.id))
    .map((segment) => ({
      id: segment.id,
      name: segment.name,
      rules: segment.rules,
      feature_states: sortById(overrides.get(segment.id) ?? []),
    }))
    .toSorted((one, other) => one.id - other.id)
}

const sortById = (states: readonly FeatureStateDocument[]) => states.toSorted((one, other) => one.feature.id - other.feature.id)

function assembleIdentityOverrides(environment: BodyOf<'environment'>, overrides: States['byIdentifier']): IdentityOverrideDocument[] {
  return [...overrides.entries()]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([identifier, states]) => {
      const first = states.reduce((earliest, state) => (state.createdAt < earliest.createdAt ? state : earliest))
      return {
        identifier,
        identity_features: sortById(states.map((state) => state.document)),
        identity_traits: [],
        identity_uuid: first.document.featurestate_uuid,
        environment_api_key: environment.api_key,
        created_date: first.createdAt.toISOString().replace('Z', '+00:00'),
        composite_key: `${environment.api_key}_${identifier}`,
        django_id: identityId(environment.id, identifier),
        dashboard_alias: null,
      }
    })
}
