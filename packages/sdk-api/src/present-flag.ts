import type { Flag } from '@halyard/engine'
import { oncePer } from './once-per.ts'
import type { EnvironmentSnapshot } from './ports.ts'

/** A flag as JSON, for replies that are put together from these texts. */
export const environmentFlagJson = oncePer((snapshot: EnvironmentSnapshot) =>
  oncePer((flag: Flag) => JSON.stringify(presentFlag(snapshot, flag))),
)

/** The same with the variant, which only identities have. */
export const identityFlagJson = oncePer((snapshot: EnvironmentSnapshot) =>
  oncePer((flag: Flag) => JSON.stringify({ ...presentFlag(snapshot, flag), variant: flag.variant })),
)

function presentFlag({ compiled }: EnvironmentSnapshot, { feature, state, value, enabled }: Flag) {
  const { document } = compiled
  const isSensitive = document.hide_sensitive_data
  return {
    id: isSensitive ? null : state.django_id,
    feature: {
      id: feature.id,
      name: feature.name,
      created_date: (isSensitive ? null : feature.created_date) ?? null,
      description: (isSensitive ? null : feature.description) ?? null,
      initial_value: (isSensitive ? null : feature.initial_value) ?? null,
      default_enabled: (isSensitive ? null : feature.default_enabled) ?? null,
      type: feature.type,
    },
    feature_state_value: value,
    environment: isSensitive ? null : document.id,
    identity: null,
    feature_segment: null,
    enabled,
  }
}
