import type { Flag } from './compiled-environment.ts'
import type { FeatureStateDocument, IdentityOverrideDocument } from './environment-document.ts'
import { type FeatureState, type Outcomes, outcomesOf } from './feature-state.ts'
import { identityOverrideReason, type ProgramMemory, startProgramMemory } from './program.ts'
import { readState, type StatesByName, statesByName } from './read-document.ts'

/**
 * What compiling made of the parts of an environment, for its next revision. Everything hangs on the object that it was made
 * of, which must never change, and is forgotten together with it.
 */
export interface Memory {
  readonly stateOf: (state: FeatureStateDocument) => FeatureState<FeatureStateDocument>
  readonly statesOfIdentity: (override: IdentityOverrideDocument) => StatesByName
  readonly flagsOf: (state: FeatureState<FeatureStateDocument>, source: Flag['source'], because: string) => Outcomes<Flag>
  readonly flagsOfIdentity: (states: StatesByName) => ReadonlyMap<string, Outcomes<Flag>>
  program: ProgramMemory
}

export function startMemory(): Memory {
  const stateOf = onceFor(readState)
  const flagsOf = rememberFlags()
  return {
    stateOf,
    statesOfIdentity: onceFor((override: IdentityOverrideDocument) => statesByName(override.identity_features, stateOf)),
    flagsOf,
    flagsOfIdentity: onceFor(
      (states: StatesByName) =>
        new Map([...states].map(([name, state]) => [name, flagsOf(state, 'identity', identityOverrideReason)] as const)),
    ),
    program: startProgramMemory(),
  }
}

function onceFor<Key extends object, Value extends object>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new WeakMap<Key, Value>()
  return (key) => {
    const known = made.get(key)
    if (known) return known
    const value = make(key)
    made.set(key, value)
    return value
  }
}

/** A state is hardly ever in two places, so the last reason is all that is worth remembering. */
function rememberFlags(): Memory['flagsOf'] {
  const made = new WeakMap<FeatureState<FeatureStateDocument>, { source: string; because: string; outcomes: Outcomes<Flag> }>()
  return (state, source, because) => {
    const known = made.get(state)
    if (known?.source === source && known.because === because) return known.outcomes
    const outcomes = makeFlags(state, source, because)
    made.set(state, { source, because, outcomes })
    return outcomes
  }
}

function makeFlags(state: FeatureState<FeatureStateDocument>, source: Flag['source'], because: string): Outcomes<Flag> {
  const { feature } = state.origin
  return outcomesOf(state, because, (result) => Object.freeze(Object.assign(result, { feature, state: state.origin, source })))
}
