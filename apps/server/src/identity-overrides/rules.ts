import type { Flag } from '@halyard/engine'
import { subjectNamed, type EnvironmentSnapshot } from '@halyard/sdk-api'
import type { StoredTraits } from '../identities/rules.ts'

/** Every feature as the identity gets it, by the snapshot that SDKs are answered from. */
export function evaluateFor(snapshot: EnvironmentSnapshot, identifier: string, traits: StoredTraits) {
  return snapshot.compiled.flagsFor(subjectNamed(snapshot, identifier, traits)).map((flag) => ({
    feature: { id: flag.feature.id, name: flag.feature.name, type: flag.feature.type },
    enabled: flag.enabled,
    feature_state_value: flag.value,
    reason: flag.reason,
    overridden_by: overriddenBy[flag.source],
    segment: flag.source === 'segment' ? segmentOf(snapshot, flag) : null,
    multivariate_feature_state_values: flag.state.multivariate_feature_state_values.map((weighted) => ({
      multivariate_feature_option: { value: weighted.multivariate_feature_option.value },
      percentage_allocation: weighted.percentage_allocation,
    })),
  }))
}

const overriddenBy = { environment: null, segment: 'SEGMENT', identity: 'IDENTITY' } as const satisfies Record<
  Flag['source'],
  string | null
>

function segmentOf({ compiled }: EnvironmentSnapshot, { state }: Flag) {
  const segment = compiled.document.project.segments.find(({ feature_states: states }) =>
    states.some((each) => each.django_id === state.django_id),
  )
  return segment ? { id: segment.id, name: segment.name } : null
}

/** The segments the identity is in, by the same snapshot. */
export function segmentsOf(snapshot: EnvironmentSnapshot, identifier: string, traits: StoredTraits) {
  const { compiled } = snapshot
  const subject = subjectNamed(snapshot, identifier, traits)
  return compiled.document.project.segments.filter(({ id }) => compiled.isInSegment(subject, id)).map(({ id, name }) => ({ id, name }))
}
