import { compare, type FeatureState } from './feature-state.ts'
import { type Beginning, type Evaluation, prepareEvaluations } from './evaluation.ts'
import type { SegmentResult } from './result.ts'
import { type CompiledRules, compileRules, isInSegment, type Segment } from './segments.ts'
import { type FindConstant, propertyNamed } from './subject.ts'

/** What contexts and documents have in common: all that evaluation needs, read but not yet made ready. */
export interface Definition<Origin> {
  readonly environmentKey: string
  /** The defaults, one per feature, in order. */
  readonly features: readonly FeatureState<Origin>[]
  readonly segments: readonly SegmentDefinition<Origin>[]
  readonly propertyField: 'property' | 'property_'
  readonly findConstant: FindConstant
}

export interface SegmentDefinition<Origin> {
  readonly key: string
  readonly name: string
  readonly rules: unknown
  readonly overrides: readonly FeatureState<Origin>[]
  readonly metadata: Record<string, unknown> | undefined
}

/** A definition made ready. `evaluate` uses it once, `compile` for as long as the document lives. */
export interface Program<Origin> {
  readonly beginning: Beginning
  readonly segments: readonly Segment[]
  readonly segmentResults: readonly SegmentResult[]
  readonly features: readonly Feature<Origin>[]
}

export interface Feature<Origin> {
  readonly fallback: FeatureState<Origin>
  /** Strongest first, so that the first whose segment matches wins. */
  readonly candidates: readonly Candidate<Origin>[]
}

export interface Candidate<Origin> {
  readonly segment: Segment
  readonly state: FeatureState<Origin>
  /** The reason of the flag when it wins. */
  readonly reason: string
}

/** What building a program leaves for another one of the same environment: rules that are the very same object are not read again. */
export interface ProgramMemory {
  /** In the order of their indexes; one stays although its last condition is gone, because rules hold indexes. */
  readonly properties: { readonly name: string; readonly isAsGiven: boolean }[]
  /** Indexes by name. */
  readonly converted: Map<string, number>
  readonly asGiven: Map<string, number>
  readonly rules: WeakMap<object, { readonly segmentKey: string; readonly compiled: CompiledRules }>
}

export const startProgramMemory = (): ProgramMemory => ({
  properties: [],
  converted: new Map(),
  asGiven: new Map(),
  rules: new WeakMap(),
})

export function buildProgram<Origin>(definition: Definition<Origin>, memory: ProgramMemory = startProgramMemory()): Program<Origin> {
  const readRules = rulesReader(definition, memory)
  const segments = definition.segments.map(({ key, name, rules }, index) => ({ index, key, name, ...readRules(rules, key) }))
  const properties = memory.properties.map(({ name, isAsGiven }) => {
    const property = propertyNamed(name, definition.findConstant)
    return isAsGiven ? { ...property, isCoerced: false } : property
  })
  const candidates = candidatesByFeature(definition, segments)
  return {
    beginning: prepareEvaluations(properties, segments),
    segments,
    segmentResults: definition.segments.map(({ name, metadata }) => ({
      name,
      ...(metadata && { metadata }),
    })),
    features: definition.features.map((fallback) => ({
      fallback,
      candidates: candidates.get(fallback.name) ?? [],
    })),
  }
}

/** The override that decides a feature for the subject of the evaluation. No segment is followed beyond it. */
export function strongestCandidate<C extends { readonly segment: Segment }>(
  candidates: readonly C[],
  evaluation: Evaluation,
): C | undefined {
  for (const candidate of candidates) {
    if (isInSegment(candidate.segment, evaluation)) return candidate
  }
  return undefined
}

export const defaultReason = 'DEFAULT'
// The official SDKs turn identity overrides into segments of this name, and reasons show it.
export const identityOverrideReason = targetingMatch('identity_overrides')

function targetingMatch(segmentName: string): string {
  return `TARGETING_MATCH; segment=${segmentName}`
}

function rulesReader({ propertyField }: Definition<unknown>, { properties, converted, asGiven, rules: known }: ProgramMemory) {
  // Gives each property one index, however many conditions name it; and another one for those that read it as it was given.
  const internProperty = (name: string, isAsGiven: boolean): number => {
    const indexes = isAsGiven ? asGiven : converted
    const index = indexes.get(name) ?? properties.push({ name, isAsGiven }) - 1
    indexes.set(name, index)
    return index
  }
  return (rules: unknown, segmentKey: string): CompiledRules => {
    const before = typeof rules === 'object' && rules !== null ? known.get(rules) : undefined
    if (before?.segmentKey === segmentKey) return before.compiled
    const compiled = compileRules(rules, { segmentKey, propertyField, internProperty })
    if (typeof rules === 'object' && rules !== null) known.set(rules, { segmentKey, compiled })
    return compiled
  }
}

function candidatesByFeature<Origin>(definition: Definition<Origin>, segments: readonly Segment[]): Map<string, Candidate<Origin>[]> {
  const byFeature = new Map<string, Candidate<Origin>[]>()
  for (const segment of segments) {
    const reason = targetingMatch(segment.name)
    for (const state of definition.segments[segment.index]?.overrides ?? []) {
      const candidates = byFeature.get(state.name)
      if (candidates) candidates.push({ segment, state, reason })
      else byFeature.set(state.name, [{ segment, state, reason }])
    }
  }
  // Sorting is stable: of equal priorities the earlier segment wins.
  for (const candidates of byFeature.values()) candidates.sort((a, b) => compare(a.state.priority, b.state.priority))
  return byFeature
}
