import type { EnvironmentDocument, FeatureStateDocument } from './environment-document.ts'
import { arrangeVariants, type FeatureState, numericPriority } from './feature-state.ts'
import { valueAt } from './json-path.ts'
import type { Definition, SegmentDefinition } from './program.ts'
import { isRecord, recordsIn, scalarOrNull, textOf } from './shape.ts'

export interface DocumentDefinition extends Definition<FeatureStateDocument> {
  /** In the order of the segments. */
  readonly segmentIds: readonly number[]
  /** By identifier, then by feature name. */
  readonly identityOverrides: ReadonlyMap<string, ReadonlyMap<string, FeatureState<FeatureStateDocument>>>
}

/** Takes a document of any shape: pieces that make no sense are left out. */
export function readDocument(document: EnvironmentDocument): DocumentDefinition {
  const source: unknown = document
  const { api_key, name, project, feature_states, identity_overrides }: Record<string, unknown> = isRecord(source) ? source : {}
  const segments = recordsIn(isRecord(project) ? project.segments : undefined)
  const definition = {
    environmentKey: textOf(api_key) ?? '',
    features: readDefaults(feature_states),
    segments: segments.map(readSegment),
  }
  let root: unknown
  return {
    ...definition,
    propertyField: 'property_',
    findConstant: (path) => valueAt((root ??= contextOf(definition, name)), path),
    segmentIds: segments.map(({ id }) => (typeof id === 'number' ? id : -1)),
    identityOverrides: readIdentityOverrides(identity_overrides),
  }
}

/** Of two states of one feature the later counts, in the place of the earlier. */
function readDefaults(states: unknown): FeatureState<FeatureStateDocument>[] {
  const byName = new Map<string, FeatureState<FeatureStateDocument>>()
  for (const state of readStates(states)) byName.set(state.name, state)
  return [...byName.values()]
}

function readSegment(segment: Record<string, unknown>): SegmentDefinition<FeatureStateDocument> {
  const { id, name, rules } = segment
  return {
    key: textOf(id) ?? '',
    name: textOf(name) ?? '',
    rules,
    overrides: readStates(segment.feature_states),
    metadata: Object.freeze({ id, source: 'api' }),
  }
}

/** Of several overrides of one feature for one identity the first counts, like those of equally strong segments. */
function readIdentityOverrides(overrides: unknown): DocumentDefinition['identityOverrides'] {
  const byIdentifier = new Map<string, Map<string, FeatureState<FeatureStateDocument>>>()
  for (const { identifier: written, identity_features: states } of recordsIn(overrides)) {
    const identifier = textOf(written)
    if (identifier === undefined) continue
    const byName = byIdentifier.get(identifier) ?? new Map<string, FeatureState<FeatureStateDocument>>()
    for (const state of readStates(states)) {
      if (!byName.has(state.name)) byName.set(state.name, state)
    }
    byIdentifier.set(identifier, byName)
  }
  return byIdentifier
}

function readStates(states: unknown): FeatureState<FeatureStateDocument>[] {
  return Array.isArray(states) ? states.filter(isFeatureState).map(readState) : []
}

function isFeatureState(value: unknown): value is FeatureStateDocument {
  return isRecord(value) && isRecord(value.feature) && typeof value.feature.name === 'string'
}

function readState(state: FeatureStateDocument): FeatureState<FeatureStateDocument> {
  const { feature } = state
  const segment: unknown = state.feature_segment
  return {
    name: feature.name,
    key: textOf(state.django_id || state.featurestate_uuid) ?? '',
    enabled: state.enabled,
    value: scalarOrNull(state.feature_state_value),
    priority: numericPriority(isRecord(segment) ? segment.priority : undefined),
    variants: readVariants(state.multivariate_feature_state_values),
    metadata: Object.freeze({ id: feature.id }),
    origin: state,
  }
}

function readVariants(variants: unknown) {
  return arrangeVariants(
    recordsIn(variants).map(({ id, mv_fs_value_uuid, percentage_allocation: weight, multivariate_feature_option: option }) => {
      const { key, value }: Record<string, unknown> = isRecord(option) ? option : {}
      return {
        value: scalarOrNull(value),
        key,
        weight,
        priority: id ?? integerOfUuid(mv_fs_value_uuid),
      }
    }),
  )
}

/** Variants that were never stored have no id; their UUIDs, as 128-bit integers, order them instead. */
function integerOfUuid(uuid: unknown): bigint | undefined {
  const digits = typeof uuid === 'string' ? uuid.replaceAll('-', '') : ''
  return /^[0-9a-f]{32}$/i.test(digits) ? BigInt(`0x${digits}`) : undefined
}

/** What a JSONPath sees of a document besides the identity: the context it stands for. */
function contextOf(definition: Pick<DocumentDefinition, 'environmentKey' | 'features' | 'segments'>, name: unknown) {
  return {
    environment: { key: definition.environmentKey, name },
    features: Object.fromEntries(definition.features.map((feature) => [feature.name, featureContextOf(feature)])),
    segments: Object.fromEntries(definition.segments.map((segment) => [segment.key, segment])),
  }
}

function featureContextOf({ key, name, enabled, value, metadata, variants }: FeatureState<unknown>) {
  return { key, name, enabled, value, metadata, variants }
}
