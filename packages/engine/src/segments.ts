import { holds } from './comparison.ts'
import type { Condition, ConditionScope } from './conditions.ts'
import type { Evaluation } from './evaluation.ts'
import { valueOf } from './evaluation.ts'
import { parseRules, type Quantifier, type Rule } from './rules.ts'

export interface Segment extends CompiledRules {
  /** Its place among the segments of the program. */
  readonly index: number
  readonly key: string
  readonly name: string
}

export interface CompiledRules {
  /** Every rule before its sub-rules; the first is the segment itself. */
  readonly rules: readonly Rule[]
  readonly entry: Step | boolean
}

/**
 * Rules are followed as a chain of conditions, each saying where to go next: short-circuiting at any depth without a call
 * stack. A boolean is the end: in the segment or not.
 */
interface Step {
  readonly condition: Condition
  readonly onTrue: Step | boolean
  readonly onFalse: Step | boolean
}

export function compileRules(source: unknown, scope: ConditionScope): CompiledRules {
  const rules = parseRules(Array.isArray(source) ? source : [], scope)
  const [root] = rules
  // A segment without rules holds nobody.
  return { rules, entry: root !== undefined && root.rules.length > 0 && chain(root) }
}

export function isInSegment(segment: Segment, evaluation: Evaluation): boolean {
  const { memberships } = evaluation
  if (!memberships) return follow(segment.entry, evaluation)
  const known = memberships[segment.index]
  if (known !== undefined) return known
  const isMember = follow(segment.entry, evaluation)
  memberships[segment.index] = isMember
  return isMember
}

/** For whoever followed the segment in another way, and came to the same answer. */
export function rememberMembership({ index }: Segment, isMember: boolean, { memberships }: Evaluation): void {
  if (memberships) memberships[index] = isMember
}

function follow(entry: Step | boolean, evaluation: Evaluation): boolean {
  let next = entry
  while (typeof next !== 'boolean') {
    const { condition } = next
    next = holds(condition.comparison, valueOf(evaluation, condition.property)) ? next.onTrue : next.onFalse
  }
  return next
}

/** A rule whose sub-rules are being chained, from the last to the first. */
interface OpenRule {
  rule: Rule
  onTrue: Step | boolean
  onFalse: Step | boolean
  /** Where the part chained so far begins. */
  entry: Step | boolean
  remaining: number
}

function chain(root: Rule): Step | boolean {
  const first = open(root, true, false)
  const path = [first]
  for (let current = path.at(-1); current; current = path.at(-1)) {
    const { rule } = current
    const child = rule.rules[--current.remaining]
    if (child && rule.quantifier) {
      const { onTrue, onFalse } = exits(rule.quantifier, current, current.entry)
      path.push(open(child, onTrue, onFalse))
      continue
    }
    current.entry = chainConditions(current)
    path.pop()
    const parent = path.at(-1)
    if (parent) parent.entry = current.entry
  }
  return first.entry
}

function open(rule: Rule, onTrue: Step | boolean, onFalse: Step | boolean): OpenRule {
  const opened = { rule, onTrue, onFalse, entry: onTrue, remaining: rule.rules.length }
  if (rule.rules.length > 0 && rule.quantifier) opened.entry = whenUnsettled(rule.quantifier, opened)
  return opened
}

/** A rule holds when its conditions and its sub-rules do, each by the rule's quantifier; conditions come first, being cheaper. */
function chainConditions(opened: OpenRule): Step | boolean {
  const { rule, entry: subRules } = opened
  const { quantifier, conditions } = rule
  if (!quantifier) return opened.onFalse
  if (conditions.length === 0) return subRules
  const ends = { onTrue: subRules, onFalse: opened.onFalse }
  let next = whenUnsettled(quantifier, ends)
  for (let index = conditions.length - 1; index >= 0; index--) {
    const condition = conditions[index]
    if (condition) next = { condition, ...exits(quantifier, ends, next) }
  }
  return next
}

interface Ends {
  onTrue: Step | boolean
  onFalse: Step | boolean
}

function whenUnsettled(quantifier: Quantifier, ends: Ends): Step | boolean {
  return quantifier.whenSettled ? ends.onFalse : ends.onTrue
}

/** Where one member of a rule leads: to the end that it settles, or to the next member. */
function exits(quantifier: Quantifier, ends: Ends, next: Step | boolean): Ends {
  const settled = quantifier.whenSettled ? ends.onTrue : ends.onFalse
  return quantifier.settledBy ? { onTrue: settled, onFalse: next } : { onTrue: next, onFalse: settled }
}
