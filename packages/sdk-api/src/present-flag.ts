import type { EnvironmentDocument, Flag } from '@halyard/engine'
import type { Audience, EnvironmentSnapshot } from './ports.ts'

/** A flag as JSON, for replies that are put together from these texts. */
export const environmentFlagJson = encoderOf(presentFlag)

/** The same with the variant, which only identities have. */
const clientFlagJson = encoderOf((document, flag) => ({ ...presentFlag(document, flag), variant: flag.variant }))

// A reason names segments, which tell whom is targeted, and client-side keys are public.
const serverFlagJson = encoderOf((document, flag) => ({ ...presentFlag(document, flag), variant: flag.variant, reason: flag.reason }))

export const identityFlagJson = (snapshot: EnvironmentSnapshot, audience: Audience) =>
  (audience === 'server' ? serverFlagJson : clientFlagJson)(snapshot)

/**
 * Revisions of one environment share flags, and no two environments do: what is encoded of a flag lasts as long as the flag,
 * and depends on one setting besides.
 */
function encoderOf(present: (document: EnvironmentDocument, flag: Flag) => object) {
  const encoded = { shown: new WeakMap<Flag, string>(), hidden: new WeakMap<Flag, string>() }
  return ({ compiled: { document } }: EnvironmentSnapshot) => {
    const known = encoded[document.hide_sensitive_data ? 'hidden' : 'shown']
    return (flag: Flag): string => {
      const before = known.get(flag)
      if (before !== undefined) return before
      const json = JSON.stringify(present(document, flag))
      known.set(flag, json)
      return json
    }
  }
}

function presentFlag(document: EnvironmentDocument, { feature, state, value, enabled }: Flag) {
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
