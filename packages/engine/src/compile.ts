import type { CompiledEnvironment, ConditionProblem, ExportedDocument, Flag, Identity } from './compiled-environment.ts'
import type { EnvironmentDocument, FeatureStateDocument } from './environment-document.ts'
import { type Evaluation, startEvaluation, startShortEvaluation } from './evaluation.ts'
import { explainable, type ExplainableProgram, explainProgram } from './explain-program.ts'
import { exportDocument } from './export-document.ts'
import { type Outcomes, pickOutcome } from './feature-state.ts'
import { type Memory, startMemory } from './memory.ts'
import { buildProgram, defaultReason, type Program, startProgramMemory, strongestCandidate } from './program.ts'
import { type DocumentDefinition, readDocument } from './read-document.ts'
import { pathOf } from './rules.ts'
import { isInSegment, type Segment } from './segments.ts'
import { isRecord } from './shape.ts'
import { keyPrefixOf, type Subject, subjectOf } from './subject.ts'

/** A feature with every flag it can become, made ahead and shared by all evaluations. */
interface CompiledFeature {
  readonly name: string
  readonly fallback: Outcomes<Flag>
  /** Strongest first. */
  readonly candidates: readonly { readonly segment: Segment; readonly outcomes: Outcomes<Flag> }[]
}

type IdentityOutcomes = ReadonlyMap<string, ReadonlyMap<string, Outcomes<Flag>>>

const memories = new WeakMap<CompiledEnvironment, Memory>()

/**
 * Makes an environment's document ready for many evaluations, which answer what `evaluate` would for the context that the
 * document stands for. It never throws: what is malformed does not match, and is listed in `problems`.
 *
 * Given the previous revision of the same environment, it takes over what was made of every feature state, set of rules and
 * identity override that is the very same object as then, flags included; only the rest is made. So what was compiled must
 * never be changed: a revision that differs has other objects where it differs.
 */
export function compile(document: EnvironmentDocument, previous?: CompiledEnvironment): CompiledEnvironment {
  const memory = (previous && isSameEnvironment(document, previous) && memories.get(previous)) || startMemory()
  const definition = readDocument(document, memory)
  const program = programOf(definition, memory)
  const features = program.features.map(({ fallback, candidates }) => ({
    name: fallback.name,
    fallback: memory.flagsOf(fallback, 'environment', defaultReason),
    candidates: candidates.map(({ segment, state, reason }) => ({
      segment,
      outcomes: memory.flagsOf(state, 'segment', reason),
    })),
  }))
  const overrides = new Map(
    Array.from(definition.identityOverrides, ([identifier, states]) => [identifier, memory.flagsOfIdentity(states)]),
  )
  const compiled = assemble({ document, definition, program, features, overrides })
  memories.set(compiled, memory)
  return compiled
}

function isSameEnvironment(document: unknown, previous: { document: unknown }): boolean {
  return isRecord(document) && isRecord(previous.document) && document.id === previous.document.id
}

// Some, so that a small environment is not built twice for one property that is gone.
const unusedPropertiesMin = 100

/** Properties that no condition names any more cost every evaluation a little: where they are most, all are counted anew. */
function programOf(definition: DocumentDefinition, memory: Memory): Program<FeatureStateDocument> {
  const program = buildProgram(definition, memory.program)
  if (memory.program.properties.length < unusedPropertiesMin) return program
  const used = new Set(
    program.segments.flatMap(({ rules }) => rules.flatMap(({ conditions }) => conditions.map(({ property }) => property))),
  )
  if (memory.program.properties.length <= 2 * used.size) return program
  memory.program = startProgramMemory()
  return buildProgram(definition, memory.program)
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
  let exported: ExportedDocument | undefined
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
    exported: () => (exported ??= exportDocument(document, program.segments)),
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
