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
import type { BodyOf, DocumentRows } from './document-rows.ts'
import { Presented } from './presented.ts'
import { readDocumentRows } from './queries.ts'

/**
 * The environment's document: as `db` sees it now (inside an open edit, with that edit's own writes), or as it was at any
 * instant since the environment was made. Undefined when there is no such environment, or not at that instant.
 */
export async function buildDocument(db: Queryable, environmentId: number, instant?: Date): Promise<EnvironmentDocument | undefined> {
  const read = await readDocumentRows(db, environmentId, instant)
  return read && createAssembler()(read.rows, read.updatedAt)
}

/** Rows in, document out. Undefined when the environment or anything above it is deleted. */
export type Assembler = (rows: DocumentRows, updatedAt: Date) => EnvironmentDocument | undefined

/**
 * Assembles the documents of one environment, one after the other. Where the rows are the very same objects as before, so are
 * the parts of the document, which is how the engine knows what it need not compile again.
 */
export function createAssembler(): Assembler {
  const parts: Parts = { features: new Presented(), states: new Presented(), segments: new Presented(), identities: new Presented() }
  return (rows, updatedAt) => assembleDocument(rows, updatedAt, parts)
}

interface Parts {
  readonly features: Presented<BodyOf<'feature'>, FeatureDocument>
  readonly states: Presented<StateBody, FeatureStateDocument>
  readonly segments: Presented<BodyOf<'segment'>, SegmentDocument>
  readonly identities: Presented<FeatureStateDocument, IdentityOverrideDocument>
}

function assembleDocument(rows: DocumentRows, updatedAt: Date, parts: Parts): EnvironmentDocument | undefined {
  const [organisation] = alive(rows.of('organisation'))
  const [project] = alive(rows.of('project'))
  const [environment] = alive(rows.of('environment'))
  if (!organisation || !project || !environment) return undefined
  const features = alive(rows.of('feature'))
  const states = assembleStates(rows, features, parts)
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
      server_key_only_feature_ids: features.flatMap((feature) => (feature.is_server_key_only ? [feature.id] : [])).toSorted(byNumber),
      organisation: {
        id: organisation.id,
        name: organisation.name,
        feature_analytics: organisation.feature_analytics,
        stop_serving_flags: organisation.stop_serving_flags,
        persist_trait_data: organisation.persist_trait_data,
      },
      segments: assembleSegments(rows, states.bySegment, parts),
    },
    feature_states: states.defaults,
    identity_overrides: assembleIdentityOverrides(environment, states.byIdentifier, parts),
  }
}

const alive = <Body extends { deleted_at: string | null }>(all: readonly Body[]): Body[] => all.filter((body) => body.deleted_at === null)
const byNumber = (one: number, other: number) => one - other

type StateBody = BodyOf<'feature_state'>

interface PersonalState {
  readonly document: FeatureStateDocument
  readonly id: number
  readonly createdAt: Date
}

interface States {
  readonly defaults: FeatureStateDocument[]
  readonly bySegment: Map<number, FeatureStateDocument[]>
  readonly byIdentifier: Map<string, PersonalState[]>
}

function assembleStates(rows: DocumentRows, alive: readonly BodyOf<'feature'>[], parts: Parts): States {
  const features = new Map(alive.map((feature) => [feature.id, parts.features.of(feature, [], () => presentFeature(feature))]))
  const variants = new Map(rows.of('variant').map((variant) => [variant.id, variant]))
  const places = new Map(rows.of('feature_segment').map((place) => [`${place.feature_id}/${place.segment_id}`, place]))
  const states: States = { defaults: [], bySegment: new Map(), byIdentifier: new Map() }
  for (const state of rows.of('feature_state')) {
    const feature = features.get(state.feature_id)
    if (!feature || state.removed_at !== null) continue
    const place = state.segment_id === null ? undefined : places.get(`${state.feature_id}/${state.segment_id}`)
    if (state.segment_id !== null && place?.removed_at !== null) continue
    const weighted = state.variants.map(({ variant_id: id }) => variants.get(id))
    const document = parts.states.of(state, [feature, place, ...weighted], () => presentState(state, { feature, place, weighted }))
    if (state.identifier !== null) append(states.byIdentifier, state.identifier, { document, id: state.id, createdAt: state.created_at })
    else if (state.segment_id !== null) append(states.bySegment, state.segment_id, document)
    else states.defaults.push(document)
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

interface StateNeeds {
  readonly feature: FeatureDocument
  readonly place: BodyOf<'feature_segment'> | undefined
  /** The variant of each weight of the state. */
  readonly weighted: readonly (BodyOf<'variant'> | undefined)[]
}

function presentState(state: StateBody, { feature, place, weighted }: StateNeeds): FeatureStateDocument {
  return {
    feature,
    enabled: state.enabled,
    feature_state_value: state.value,
    featurestate_uuid: state.uuid,
    django_id: state.id,
    feature_segment: place ? { priority: place.priority } : null,
    multivariate_feature_state_values: state.variants.flatMap(({ id, uuid, weight }, index): VariantDocument[] => {
      const variant = weighted[index]
      if (!variant) return []
      const option = { id: variant.id, key: variant.key, value: variant.value }
      return [{ id, mv_fs_value_uuid: uuid, percentage_allocation: weight, multivariate_feature_option: option }]
    }),
  }
}

// A segment made for one feature is of interest only where it overrides that feature.
function assembleSegments(rows: DocumentRows, overrides: States['bySegment'], { segments }: Parts): SegmentDocument[] {
  return alive(rows.of('segment'))
    .filter((segment) => segment.feature_id === null || overrides.has(segment.id))
    .map((segment) => {
      const states = sortById(overrides.get(segment.id) ?? [])
      return segments.of(segment, states, () => ({ id: segment.id, name: segment.name, rules: segment.rules, feature_states: states }))
    })
    .toSorted((one, other) => one.id - other.id)
}

const sortById = (states: readonly FeatureStateDocument[]) => states.toSorted((one, other) => one.feature.id - other.feature.id)

function assembleIdentityOverrides(
  environment: BodyOf<'environment'>,
  overrides: States['byIdentifier'],
  { identities }: Parts,
): IdentityOverrideDocument[] {
  return [...overrides.entries()]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([identifier, states]) => {
      const first = states.reduce((earliest, state) => (isEarlier(state, earliest) ? state : earliest))
      const documents = sortById(states.map((state) => state.document))
      return identities.of(first.document, [environment.api_key, ...documents], () => ({
        identifier,
        identity_features: documents,
        identity_traits: [],
        identity_uuid: first.document.featurestate_uuid,
        environment_api_key: environment.api_key,
        created_date: first.createdAt.toISOString().replace('Z', '+00:00'),
        composite_key: `${environment.api_key}_${identifier}`,
        django_id: identityId(environment.id, identifier),
        dashboard_alias: null,
      }))
    })
}

const isEarlier = (one: PersonalState, other: PersonalState) =>
  one.createdAt.getTime() === other.createdAt.getTime() ? one.id < other.id : one.createdAt < other.createdAt
