import type { EnvironmentDocument, FeatureStateDocument, IdentityOverrideDocument } from './environment-document.ts'
import { arrangeVariants, type FeatureState, numericPriority } from './feature-state.ts'
import { valueAt } from './json-path.ts'
import type { Definition, SegmentDefinition } from './program.ts'
import { isRecord, recordsIn, scalarOrNull, textOf } from './shape.ts'

export interface DocumentDefinition extends Definition<FeatureStateDocument> {
  /** In the order of the segments. */
  readonly segmentIds: readonly number[]
  /** By identifier. */
  readonly identityOverrides: ReadonlyMap<string, StatesByName>
}

export type StatesByName = ReadonlyMap<string, FeatureState<FeatureStateDocument>>

/** How the parts of a document are read: anew, or as they were read before. */
interface Readers {
  readonly stateOf: (state: FeatureStateDocument) => FeatureState<FeatureStateDocument>
  readonly statesOfIdentity: (override: IdentityOverrideDocument) => StatesByName
}

/** Takes a document of any shape: pieces that make no sense are left out. */
export function readDocument(document: EnvironmentDocument, { stateOf, statesOfIdentity }: Readers): DocumentDefinition {
  const source: unknown = document
  const { api_key, name, project, feature_states, identity_overrides }: Record<string, unknown> = isRecord(source) ? source : {}
  const segments = recordsIn(isRecord(project) ? project.segments : undefined)
  const definition = {
    environmentKey: textOf(api_key) ?? '',
    features: readDefaults(readStates(feature_states, stateOf)),
    segments: segments.map((segment) => readSegment(segment, stateOf)),
  }
  let root: unknown
  return {
    ...definition,
    propertyField: 'property_',
    findConstant: (path) => valueAt((root ??= contextOf(definition, name)), path),
    segmentIds: segments.map(({ id }) => (typeof id === 'number' ? id : -1)),
    identityOverrides: readIdentityOverrides(identity_overrides, statesOfIdentity),
  }
}

/** Of two states of one feature the later counts, in the place of the earlier. */
function readDefaults(states: readonly FeatureState<FeatureStateDocument>[]): FeatureState<FeatureStateDocument>[] {
  const byName = new Map<string, FeatureState<FeatureStateDocument>>()
  for (const state of states) byName.set(state.name, state)
  return [...byName.values()]
}

function readSegment(segment: Record<string, unknown>, stateOf: Readers['stateOf']): SegmentDefinition<FeatureStateDocument> {
  const { id, name, rules } = segment
  return {
    key: textOf(id) ?? '',
    name: textOf(name) ?? '',
    rules,
    overrides: readStates(segment.feature_states, stateOf),
    metadata: Object.freeze({ id, source: 'api' }),
  }
}

/** Of several overrides of one feature for one identity the first counts, like those of equally strong segments. */
function readIdentityOverrides(overrides: unknown, statesOf: Readers['statesOfIdentity']): DocumentDefinition['identityOverrides'] {
  const byIdentifier = new Map<string, StatesByName>()
  for (const override of Array.isArray(overrides) ? overrides.filter(isIdentityOverride) : []) {
    const identifier = textOf(override.identifier) ?? ''
    const earlier = byIdentifier.get(identifier)
    const states = statesOf(override)
    byIdentifier.set(identifier, earlier ? new Map([...states, ...earlier]) : states)
  }
  return byIdentifier
}

function isIdentityOverride(value: unknown): value is IdentityOverrideDocument {
  return isRecord(value) && textOf(value.identifier) !== undefined
}

export function statesByName(states: unknown, stateOf: Readers['stateOf']): StatesByName {
  const byName = new Map<string, FeatureState<FeatureStateDocument>>()
  for (const state of readStates(states, stateOf)) {
    if (!byName.has(state.name)) byName.set(state.name, state)
  }
  return byName
}

function readStates(states: unknown, stateOf: Readers['stateOf']): FeatureState<FeatureStateDocument>[] {
  return Array.isArray(states) ? states.filter(isFeatureState).map((state) => stateOf(state)) : []
}

function isFeatureState(value: unknown): value is FeatureStateDocument {
  return isRecord(value) && isRecord(value.feature) && typeof value.feature.name === 'string'
}

export function readState(state: FeatureStateDocument): FeatureState<FeatureStateDocument> {
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
