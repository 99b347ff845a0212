import type { ContextValue } from './cast.ts'
import { coercedValue, type Property, type Subject } from './subject.ts'

/** What is found out about one subject while it is evaluated: every property is read, every segment followed, at most once. */
export interface Evaluation {
  readonly subject: Subject
  readonly properties: readonly Property[]
  /** By index of property. */
  readonly values: Value[]
  /** By index of segment; undefined is not known yet. Without it, a segment is followed each time that it is asked about. */
  readonly memberships: (boolean | undefined)[] | undefined
}

type Value = ContextValue | typeof unread

const unread = Symbol('unread')

/** What evaluations begin with: nothing read, nothing known. Copying it is faster than filling arrays for every evaluation. */
export interface Beginning {
  readonly properties: readonly Property[]
  readonly values: readonly Value[]
  readonly memberships: readonly (boolean | undefined)[]
}

export function prepareEvaluations(properties: readonly Property[], segments: readonly unknown[]): Beginning {
  return { properties, values: properties.map(() => unread), memberships: segments.map(() => undefined) }
}

export function startEvaluation(subject: Subject, { properties, values, memberships }: Beginning): Evaluation {
  return { subject, properties, values: values.slice(), memberships: memberships.slice() }
}

/** For one question, which hardly asks about a segment twice: room for all segments would cost more than the answer. */
export function startShortEvaluation(subject: Subject, { properties, values }: Beginning): Evaluation {
  return { subject, properties, values: values.slice(), memberships: undefined }
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
