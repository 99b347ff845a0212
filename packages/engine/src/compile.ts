import type { CompiledEnvironment, ConditionProblem, Flag, Identity } from './compiled-environment.ts'
import type { EnvironmentDocument, FeatureStateDocument } from './environment-document.ts'
import { type Evaluation, startEvaluation, startShortEvaluation } from './evaluation.ts'
import { explainable, type ExplainableProgram, explainProgram } from './explain-program.ts'
import { type FeatureState, type Outcomes, outcomesOf, pickOutcome } from './feature-state.ts'
import { buildProgram, defaultReason, identityOverrideReason, type Program, strongestCandidate } from './program.ts'
import { type DocumentDefinition, readDocument } from './read-document.ts'
import { pathOf } from './rules.ts'
import { isInSegment, type Segment } from './segments.ts'
import { keyPrefixOf, type Subject, subjectOf } from './subject.ts'

/** A feature with every flag it can become, made ahead and shared by all evaluations. */
interface CompiledFeature {
  readonly name: string
  readonly fallback: Outcomes<Flag>
  /** Strongest first. */
  readonly candidates: readonly { readonly segment: Segment; readonly outcomes: Outcomes<Flag> }[]
}

type IdentityOutcomes = ReadonlyMap<string, ReadonlyMap<string, Outcomes<Flag>>>

/**
 * Makes an environment's document ready for many evaluations, which answer what `evaluate` would for the context that the
 * document stands for. It never throws: what is malformed does not match, and is listed in `problems`.
 */
export function compile(document: EnvironmentDocument): CompiledEnvironment {
  const definition = readDocument(document)
  const program = buildProgram(definition)
  const features = program.features.map(({ fallback, candidates }) => ({
    name: fallback.name,
    fallback: flagsOf(fallback, 'environment', defaultReason),
    candidates: candidates.map(({ segment, state, reason }) => ({
      segment,
      outcomes: flagsOf(state, 'segment', reason),
    })),
  }))
  return assemble({
    document,
    definition,
    program,
    features,
    overrides: outcomesOfIdentities(definition),
  })
}

interface Parts {
  document: EnvironmentDocument
  definition: DocumentDefinition
  program: Program<FeatureStateDocument>
  features: readonly CompiledFeature[]
  overrides: IdentityOutcomes
}

function assemble({ document, definition, program, features, overrides }: Parts): CompiledEnvironment {
  const featureByName = new Map(features.map((feature) => [feature.name, feature]))
  const segmentById = new Map(definition.segmentIds.map((id, index) => [id, program.segments[index]]))
  const keyPrefix = keyPrefixOf(definition.environmentKey)
  let toExplain: ExplainableProgram | undefined
  const subjectFor = (identity: Identity) => subjectOf(identity, keyPrefix)
  return {
    document,
    problems: Object.freeze(problemsOf(program, definition.segmentIds)),
    environmentFlags: Object.freeze(features.map((feature) => feature.fallback.plain)),
    environmentFlag: (name) => featureByName.get(name)?.fallback.plain,
    flagsFor(identity) {
      const subject = subjectFor(identity)
      const evaluation = startEvaluation(subject, program.beginning)
      const own = overridesOf(overrides, subject)
      return features.map((feature) => pickOutcome(outcomesFor(feature, own, evaluation), subject))
    },
    flagFor(identity, name) {
      const feature = featureByName.get(name)
      if (!feature) return undefined
      const subject = subjectFor(identity)
      const outcomes = outcomesFor(feature, overridesOf(overrides, subject), startShortEvaluation(subject, program.beginning))
      return pickOutcome(outcomes, subject)
    },
    segmentsFor(identity) {
      const evaluation = startEvaluation(subjectFor(identity), program.beginning)
      return program.segmentResults.filter((_, index) => {
        const segment = program.segments[index]
        return segment !== undefined && isInSegment(segment, evaluation)
      })
    },
    isInSegment(identity, segmentId) {
      const segment = segmentById.get(segmentId)
      return segment !== undefined && isInSegment(segment, startShortEvaluation(subjectFor(identity), program.beginning))
    },
    explain(identity, name) {
      const subject = subjectFor(identity)
      const own = subject.identifier === undefined ? undefined : definition.identityOverrides.get(subject.identifier)
      return explainProgram((toExplain ??= explainable(program)), { subject, identityOverrides: own }, name)
    },
  }
}

function outcomesFor(
  feature: CompiledFeature,
  own: ReadonlyMap<string, Outcomes<Flag>> | undefined,
  evaluation: Evaluation,
): Outcomes<Flag> {
  return own?.get(feature.name) ?? strongestCandidate(feature.candidates, evaluation)?.outcomes ?? feature.fallback
}

function overridesOf(overrides: IdentityOutcomes, { identifier }: Subject): ReadonlyMap<string, Outcomes<Flag>> | undefined {
  return identifier === undefined ? undefined : overrides.get(identifier)
}

function outcomesOfIdentities({ identityOverrides }: DocumentDefinition): IdentityOutcomes {
  const byIdentifier = new Map<string, ReadonlyMap<string, Outcomes<Flag>>>()
  for (const [identifier, states] of identityOverrides) {
    byIdentifier.set(identifier, new Map([...states].map(([name, state]) => [name, flagsOf(state, 'identity', identityOverrideReason)])))
  }
  return byIdentifier
}

function flagsOf(state: FeatureState<FeatureStateDocument>, source: Flag['source'], because: string): Outcomes<Flag> {
  const { feature } = state.origin
  return outcomesOf(state, because, (result) => Object.freeze(Object.assign(result, { feature, state: state.origin, source })))
}

function problemsOf({ segments }: Program<unknown>, segmentIds: readonly number[]): ConditionProblem[] {
  return segments.flatMap((segment) =>
    segment.rules.flatMap((rule) =>
      rule.conditions.flatMap(({ problem }, index) => {
        if (problem === null) return []
        const path = `${pathOf(rule)}.conditions[${index}]`
        return [
          {
            segmentId: segmentIds[segment.index] ?? -1,
            segmentName: segment.name,
            path,
            reason: problem,
          },
        ]
      }),
    ),
  )
}
