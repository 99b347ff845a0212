import type { Identity } from '../compiled-environment.ts'
import type { EvaluationContext, FeatureContext, IdentityContext, Rule, SegmentContext, TraitValue } from '../context.ts'
import type { EnvironmentDocument, FeatureStateDocument, IdentityOverrideDocument, RuleDocument } from '../environment-document.ts'

/** The context that a document and an identity stand for, as the official SDKs make it: what `compile` is measured against. */
export function contextOf(document: EnvironmentDocument, identity?: Identity): EvaluationContext {
  const segments = document.project.segments.map((segment): SegmentContext => ({
    key: String(segment.id),
    name: segment.name,
    rules: segment.rules.map(ruleOf),
    overrides: segment.feature_states.map(featureOf),
    metadata: { id: segment.id, source: 'api' },
  }))
  const overrides = document.identity_overrides.map(overrideSegmentOf)
  return {
    environment: { key: document.api_key, name: document.name },
    features: Object.fromEntries(document.feature_states.map((state) => [state.feature.name, featureOf(state)])),
    // JavaScript would put keys that look like integers first, and lose the order of the document.
    segments: Object.fromEntries([...segments, ...overrides].map((segment, index) => [`segment ${index}`, segment])),
    ...(identity && { identity: identityOf(identity) }),
  }
}

function identityOf({ traits, ...rest }: Identity): IdentityContext {
  const asRecord: Record<string, TraitValue> = Object.fromEntries(traits instanceof Map ? traits : Object.entries(traits ?? {}))
  return JSON.parse(JSON.stringify({ ...rest, traits: asRecord }))
}

function ruleOf(rule: RuleDocument): Rule {
  const conditions = rule.conditions.map(({ operator, property_, value }) =>
    JSON.parse(JSON.stringify({ operator, property: property_, value })),
  )
  return { type: rule.type, conditions, rules: rule.rules.map(ruleOf) }
}

function featureOf(state: FeatureStateDocument): FeatureContext {
  const priority = state.feature_segment?.priority
  return {
    key: String(state.django_id || state.featurestate_uuid),
    name: state.feature.name,
    enabled: state.enabled,
    value: state.feature_state_value,
    metadata: { id: state.feature.id },
    variants: state.multivariate_feature_state_values.map((variant) => ({
      value: variant.multivariate_feature_option.value,
      weight: variant.percentage_allocation,
      priority: variant.id ?? Number(BigInt(`0x${variant.mv_fs_value_uuid.replaceAll('-', '')}`)),
      ...(variant.multivariate_feature_option.key !== null && { key: variant.multivariate_feature_option.key }),
    })),
    ...(typeof priority === 'number' && { priority }),
  }
}

function overrideSegmentOf({ identifier, identity_features }: IdentityOverrideDocument): SegmentContext {
  return {
    key: `identity_override_${identifier}`,
    name: 'identity_overrides',
    rules: [{ type: 'ALL', conditions: [{ property: '$.identity.identifier', operator: 'IN', value: [identifier] }] }],
    overrides: identity_features.map((state) => ({ ...featureOf(state), priority: -Infinity })),
    metadata: { source: 'identity_override' },
  }
}
