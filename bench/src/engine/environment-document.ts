import type {
  ConditionDocument,
  EnvironmentDocument,
  FeatureStateDocument,
  RuleDocument,
  SegmentDocument,
  VariantDocument,
} from '@halyard/engine'
import { type Scenario, type ScenarioCondition, type ScenarioFlag, type ScenarioSegment, variantNames, type Weights } from './scenario.ts'

/** The scenario as the document that both our SDKs and Flagsmith's evaluate from. */
export function environmentDocumentOf({ flags, segments }: Scenario): EnvironmentDocument {
  return {
    id: 1,
    api_key: 'benchmark',
    name: 'Benchmark',
    updated_at: '2025-01-01T00:00:00+00:00',
    allow_client_traits: true,
    hide_sensitive_data: false,
    hide_disabled_flags: null,
    use_identity_composite_key_for_hashing: true,
    use_identity_overrides_in_local_eval: true,
    project: {
      id: 1,
      name: 'Benchmark',
      hide_disabled_flags: false,
      enable_realtime_updates: false,
      server_key_only_feature_ids: [],
      organisation: { id: 1, name: 'Benchmark', feature_analytics: false, stop_serving_flags: false, persist_trait_data: true },
      segments: segments.map((segment) => segmentDocument(segment, flags)),
    },
    feature_states: flags.map((flag) => stateDocument(flag, { id: flag.id, enabled: flag.isOn, weights: flag.weights, priority: null })),
    identity_overrides: [],
  }
}

function segmentDocument(segment: ScenarioSegment, flags: readonly ScenarioFlag[]): SegmentDocument {
  const states = flags.flatMap((flag) => {
    const { id, override } = flag
    if (override?.segment !== segment) return []
    return [stateDocument(flag, { id: 100_000 + id, enabled: true, weights: override.weights, priority: 0 })]
  })
  const { id, name, all, any } = segment
  return { id, name, rules: [rule('ALL', [], [rule('ALL', all), rule('ANY', any)])], feature_states: states }
}

function rule(type: RuleDocument['type'], conditions: readonly ScenarioCondition[], rules: RuleDocument[] = []): RuleDocument {
  return { type, rules, conditions: conditions.map(conditionDocument) }
}

function conditionDocument({ trait, operator, value }: ScenarioCondition): ConditionDocument {
  return { operator, property_: trait, value: operator === 'IN' ? value.join(',') : String(value) }
}

interface State {
  id: number
  enabled: boolean
  weights: Weights | null
  priority: number | null
}

function stateDocument({ id, name }: ScenarioFlag, state: State): FeatureStateDocument {
  return {
    feature: { id, name, type: state.weights ? 'MULTIVARIATE' : 'STANDARD' },
    enabled: state.enabled,
    feature_state_value: 'control',
    featurestate_uuid: uuid(state.id),
    django_id: state.id,
    feature_segment: state.priority === null ? null : { priority: state.priority },
    multivariate_feature_state_values: (state.weights ?? []).map((weight, index) => variantDocument(state.id * 10 + index, index, weight)),
  }
}

function variantDocument(id: number, index: number, weight: number): VariantDocument {
  const value = variantNames[index] ?? null
  return {
    id,
    mv_fs_value_uuid: uuid(id),
    percentage_allocation: weight,
    multivariate_feature_option: { id, key: value, value },
  }
}

function uuid(id: number): string {
  return `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`
}
