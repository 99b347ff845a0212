import type { ContextValue } from './cast.ts'
import { coercedValue, type Property, type Subject } from './subject.ts'

/** What is found out about one subject while it is evaluated: every property is read, every segment followed, at most once. */
export interface Evaluation {
  readonly subject: Subject
  readonly properties: readonly Property[]
  readonly values: (ContextValue | typeof unread)[]
  /** By index of segment; a hole is not known yet. */
  readonly memberships: (boolean | undefined)[]
}

const unread = Symbol('unread')

export function startEvaluation(subject: Subject, program: { properties: readonly Property[]; segments: readonly unknown[] }): Evaluation {
  return {
    subject,
    properties: program.properties,
    values: Array<ContextValue | typeof unread>(program.properties.length).fill(unread),
    memberships: Array<boolean | undefined>(program.segments.length).fill(undefined),
  }
}

export function valueOf(evaluation: Evaluation, index: number): ContextValue {
  const value = evaluation.values[index]
  return value === unread ? readValue(evaluation, index) : value
}

function readValue(evaluation: Evaluation, index: number): ContextValue {
  const property = evaluation.properties[index]
  const value = property && coercedValue(property, evaluation.subject)
  evaluation.values[index] = value
  return value
}
