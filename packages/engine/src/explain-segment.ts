import { type ContextValue, textOfValue } from './cast.ts'
import { type Comparison, holds, never } from './comparison.ts'
import type { Condition } from './conditions.ts'
import { type Evaluation, valueOf } from './evaluation.ts'
import type { ActualValue, ConditionExplanation, ConditionFailure, RuleExplanation, SegmentExplanation } from './explanation.ts'
import { percentageOf } from './percentage.ts'
import { deepestShown, type Quantifier, type Rule } from './rules.ts'
import { rememberMembership, type Segment } from './segments.ts'

export interface Findings {
  readonly evaluation: Evaluation
  /** By index of property: conditions on one property share what was found. */
  readonly actualValues: (ActualValue | null)[]
  /** By place of the rule, for one segment after the other. */
  readonly rules: RuleExplanation[]
}

/** Asks every condition once, and leaves behind whether the segment matched, for whoever asks next. */
export function explainSegment(segment: Segment, findings: Findings): SegmentExplanation {
  const { key, name, rules } = segment
  // Sub-rules stand after their rule, so backwards every rule finds its sub-rules explained, however deep they are.
  for (let place = rules.length - 1; place > 0; place--) {
    const rule = rules[place]
    if (rule) findings.rules[place] = explainRule(rule, segment, findings)
  }
  const [root] = rules
  const shown = root ? explainSubRules(root, segment, findings) : noRules
  const matched = shown.length > 0 && root?.quantifier !== undefined && rulesSatisfy(root.quantifier, shown)
  rememberMembership(segment, matched, findings.evaluation)
  return { key, name, matched, reason: matched ? null : shown.length === 0 ? 'no-rules' : 'rules-did-not-match', rules: shown }
}

function explainRule(rule: Rule, segment: Segment, findings: Findings): RuleExplanation {
  const conditions = explainConditions(rule, segment, findings)
  const rules = explainSubRules(rule, segment, findings)
  const isDeepest = rule.depth >= deepestShown
  return {
    type: rule.type,
    matched: rule.quantifier !== undefined && satisfies(rule.quantifier, conditions, rules),
    conditions,
    rules: isDeepest ? noRules : rules,
    omittedRules: isDeepest ? rules.length : 0,
  }
}

// Most rules have only conditions or only sub-rules, so an explanation would otherwise hold an empty list for each of them.
const noConditions: readonly ConditionExplanation[] = Object.freeze([])
const noRules: readonly RuleExplanation[] = Object.freeze([])

// Loops over indexes, here and below: closures and iterators would take as much room as the explanation itself.
function explainConditions({ conditions }: Rule, segment: Segment, findings: Findings): readonly ConditionExplanation[] {
  if (conditions.length === 0) return noConditions
  const explained = Array<ConditionExplanation>(conditions.length)
  for (let index = 0; index < conditions.length; index++) {
    const condition = conditions[index]
    if (condition) explained[index] = explainCondition(condition, segment, findings)
  }
  return explained
}

// None is left to be explained, as the walk is backwards: that it might be is only what the type of an array says.
function explainSubRules({ rules }: Rule, segment: Segment, findings: Findings): readonly RuleExplanation[] {
  if (rules.length === 0) return noRules
  const explained = Array<RuleExplanation>(rules.length)
  for (let index = 0; index < rules.length; index++) {
    const rule = rules[index]
    if (rule) explained[index] = findings.rules[rule.place] ?? explainRule(rule, segment, findings)
  }
  return explained
}

/** As the quantifier says, both for the conditions and for the sub-rules, if there are any. */
function satisfies(quantifier: Quantifier, conditions: readonly ConditionExplanation[], rules: readonly RuleExplanation[]): boolean {
  return conditionsSatisfy(quantifier, conditions) && rulesSatisfy(quantifier, rules)
}

function conditionsSatisfy({ settledBy, whenSettled }: Quantifier, conditions: readonly ConditionExplanation[]): boolean {
  for (let index = 0; index < conditions.length; index++) {
    if (conditions[index]?.passed === settledBy) return whenSettled
  }
  return !whenSettled || conditions.length === 0
}

function rulesSatisfy({ settledBy, whenSettled }: Quantifier, rules: readonly RuleExplanation[]): boolean {
  for (let index = 0; index < rules.length; index++) {
    if (rules[index]?.matched === settledBy) return whenSettled
  }
  return !whenSettled || rules.length === 0
}

function explainCondition(condition: Condition, segment: Segment, findings: Findings): ConditionExplanation {
  const { property, comparison, problem, threshold, written } = condition
  const value = valueOf(findings.evaluation, property)
  const passed = holds(comparison, value)
  return {
    property: written.property,
    operator: written.operator,
    expected: written.value,
    actual: actualValue(property, value, findings),
    passed,
    reason: passed ? null : failureOf(condition, value),
    problem,
    split: threshold === null || value === undefined ? null : explainSplit(segment.key, textOfValue(value), threshold),
  }
}

function failureOf({ problem, comparison }: Condition, value: ContextValue): ConditionFailure {
  if (problem !== null) return 'malformed'
  if (value === undefined) return 'not-set'
  if (comparison.unset) return 'set'
  return takes(comparison, typeOf(value)) ? 'not-met' : 'wrong-type'
}

function takes(comparison: Comparison, type: ActualValue['type']): boolean {
  return comparison[type] !== never
}

function explainSplit(segmentKey: string, text: string, threshold: number) {
  return { hashed: [segmentKey, text], bucket: percentageOf(segmentKey, text), threshold }
}

function actualValue(property: number, value: ContextValue, { evaluation, actualValues }: Findings): ActualValue | null {
  const known = actualValues[property]
  if (known !== undefined) return known
  const actual = value === undefined ? null : describe(evaluation.properties[property]?.find(evaluation.subject), value)
  actualValues[property] = actual
  return actual
}

function describe(found: unknown, value: Exclude<ContextValue, undefined>): ActualValue {
  const text = textOfValue(value)
  const isWritable = typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean'
  return { value: isWritable ? found : text, type: typeOf(value), text }
}

function typeOf(value: Exclude<ContextValue, undefined>): ActualValue['type'] {
  if (typeof value === 'string') return 'text'
  if (typeof value === 'boolean') return 'boolean'
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)) ? 'integer' : 'decimal'
}
