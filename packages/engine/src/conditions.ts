import { type Comparison, malformed } from './comparison.ts'
import { parseOperand, readsAsGiven } from './operators.ts'
import { isRecord } from './shape.ts'

/** A condition made ready: which property to read (an index into the program's properties) and what to ask of it. */
export interface Condition {
  readonly property: number
  readonly comparison: Comparison
  /** Why it can never match, when it cannot. */
  readonly problem: string | null
  readonly threshold: number | null
  readonly written: WrittenCondition
}

/** As it was written, for explanations. */
export interface WrittenCondition {
  readonly property: string
  readonly operator: string
  readonly value: string | string[] | null
}

/** What conditions are read against: properties are interned, so that each is looked up once per identity. */
export interface ConditionScope {
  readonly segmentKey: string
  /** `property_` in documents. */
  readonly propertyField: 'property' | 'property_'
  readonly internProperty: (name: string, isAsGiven: boolean) => number
}

export function parseCondition(source: unknown, scope: ConditionScope): Condition {
  const written = readCondition(source, scope.propertyField)
  const { comparison, problem, threshold } = parse(source, written, scope)
  return {
    property: scope.internProperty(written.property, readsAsGiven(written.operator)),
    comparison,
    problem: problem ?? null,
    threshold: threshold ?? null,
    written,
  }
}

function parse(source: unknown, written: WrittenCondition, scope: ConditionScope) {
  if (!isRecord(source)) return malformed('The condition is not an object.')
  const property = source[scope.propertyField] ?? ''
  if (typeof property !== 'string') return malformed('The property is not text.')
  if (property === '' && written.operator !== 'PERCENTAGE_SPLIT') return malformed('The condition has no property.')
  return parseOperand(source.operator, source.value, scope.segmentKey)
}

function readCondition(source: unknown, propertyField: 'property' | 'property_'): WrittenCondition {
  if (!isRecord(source)) return { property: '', operator: '', value: null }
  const { operator, value } = source
  const property = source[propertyField]
  return {
    property: typeof property === 'string' ? property : '',
    operator: typeof operator === 'string' ? operator : '',
    value: typeof value === 'string' ? value : readList(value),
  }
}

function readList(value: unknown): string[] | null {
  return Array.isArray(value) ? value.filter((member) => typeof member === 'string') : null
}
