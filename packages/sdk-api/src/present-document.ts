import type { CompiledEnvironment, FeatureStateDocument, IdentityOverrideDocument } from '@halyard/engine'
import { oncePer } from './once-per.ts'
import type { EnvironmentSnapshot } from './ports.ts'
import { hidesDisabledFlags } from './served-flags.ts'

/** The environment document that SDKs evaluate by themselves, encoded once per snapshot. */
export const environmentDocumentJson = oncePer((snapshot: EnvironmentSnapshot) =>
  Buffer.from(JSON.stringify(presentDocument(snapshot.compiled))),
)

/** A document as SDKs get it: in words they know, without what only the server needs, and with settings resolved. */
export function presentDocument(compiled: CompiledEnvironment) {
  const { document } = compiled.exported()
  const { project } = document
  return {
    id: document.id,
    api_key: document.api_key,
    name: document.name,
    updated_at: document.updated_at,
    allow_client_traits: document.allow_client_traits,
    hide_sensitive_data: document.hide_sensitive_data,
    hide_disabled_flags: document.hide_disabled_flags,
    use_identity_composite_key_for_hashing: document.use_identity_composite_key_for_hashing,
    use_identity_overrides_in_local_eval: document.use_identity_overrides_in_local_eval,
    project: {
      id: project.id,
      name: project.name,
      // Edge proxies read only this one, so it tells what holds.
      hide_disabled_flags: hidesDisabledFlags(document),
      enable_realtime_updates: project.enable_realtime_updates,
      server_key_only_feature_ids: project.server_key_only_feature_ids,
      organisation: project.organisation,
      segments: project.segments.map((segment) => ({ ...segment, feature_states: segment.feature_states.map(presentState) })),
    },
    feature_states: document.feature_states.map(presentState),
    identity_overrides: document.use_identity_overrides_in_local_eval ? document.identity_overrides.map(presentOverride) : [],
    // Edges upstream find integrations here. They hold secrets and are never published.
    amplitude_config: null,
    heap_config: null,
    mixpanel_config: null,
    rudderstack_config: null,
    segment_config: null,
    webhook_config: null,
  }
}

function presentState(state: FeatureStateDocument): FeatureStateDocument {
  const { id, name, type } = state.feature
  return { ...state, feature: { id, name, type } }
}

function presentOverride(override: IdentityOverrideDocument): IdentityOverrideDocument {
  return { ...override, identity_features: override.identity_features.map(presentPinnedState) }
}

/**
 * An override pins a variant by giving it 100 per cent. The Python SDK looks only at the value and the others only at the
 * variants, so both say the same.
 */
function presentPinnedState(state: FeatureStateDocument): FeatureStateDocument {
  const pinned = state.multivariate_feature_state_values.find(({ percentage_allocation: weight }) => weight === 100)
  const presented = presentState(state)
  return pinned ? { ...presented, feature_state_value: pinned.multivariate_feature_option.value } : presented
}
