import { type Condition, type ConditionScope, parseCondition } from './conditions.ts'
import type { Rule as RuleContext } from './context.ts'
import { isRecord } from './shape.ts'

export interface Rule {
  /** As written. */
  readonly type: string
  /** Undefined when the rule is malformed: it then never matches. */
  readonly quantifier: Quantifier | undefined
  readonly parent: Rule | undefined
  /** Among the sub-rules of its parent. */
  readonly index: number
  /** Among all rules of its segment. */
  readonly place: number
  readonly depth: number
  readonly conditions: readonly Condition[]
  readonly rules: Rule[]
}

/** ANY and NONE are settled by the first member that holds, ALL by the first that does not. */
export interface Quantifier {
  readonly settledBy: boolean
  readonly whenSettled: boolean
}

const quantifiers = {
  ALL: { settledBy: false, whenSettled: false },
  ANY: { settledBy: true, whenSettled: true },
  NONE: { settledBy: true, whenSettled: false },
} satisfies Record<RuleContext['type'], Quantifier>

const quantifierByType = new Map<unknown, Quantifier>(Object.entries(quantifiers))

// No honest segment comes near; a cyclic or exploding one must not hang a server.
const mostRules = 100_000

/**
 * All rules of a segment, every rule before its sub-rules. The list is flat because hostile rules may be nested deeper than
 * the call stack. The first one is the segment itself: ALL of its top-level rules.
 */
export function parseRules(sources: readonly unknown[], scope: ConditionScope): Rule[] {
  const segment: Rule = {
    type: 'ALL',
    quantifier: quantifiers.ALL,
    parent: undefined,
    index: 0,
    place: 0,
    depth: 0,
    conditions: [],
    rules: [],
  }
  const rules = [segment]
  const waiting = [{ parent: segment, sources }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { parent } = next
    for (const [index, source] of next.sources.entries()) {
      const position = { parent, index, place: rules.length, depth: parent.depth + 1 }
      const rule = rules.length < mostRules ? parseRule(source, position, scope) : unreadable(position)
      parent.rules.push(rule)
      rules.push(rule)
      if (rule.quantifier && isRecord(source) && Array.isArray(source.rules)) waiting.push({ parent: rule, sources: source.rules })
    }
  }
  return rules
}

type Position = Pick<Rule, 'parent' | 'index' | 'place' | 'depth'>

function parseRule(source: unknown, position: Position, scope: ConditionScope): Rule {
  if (!isRecord(source)) return unreadable(position)
  const { type } = source
  const conditions = Array.isArray(source.conditions) ? source.conditions.map((condition) => parseCondition(condition, scope)) : []
  const isWellFormed = isListOrMissing(source.conditions) && isListOrMissing(source.rules)
  return {
    type: typeof type === 'string' ? type : '',
    quantifier: isWellFormed ? quantifierByType.get(type) : undefined,
    ...position,
    conditions,
    rules: [],
  }
}

function unreadable(position: Position): Rule {
  return {
    type: '',
    quantifier: undefined,
    ...position,
    conditions: [],
    rules: [],
  }
}

// A list that cannot be read must not count as an empty one, which would let everybody in.
function isListOrMissing(value: unknown): boolean {
  return value === undefined || value === null || Array.isArray(value)
}

/** Of the innermost levels a path shows only that there were more: rules may be thousands deep. */
export const deepestShown = 64

/** Such as `rules[0].rules[1]`. */
export function pathOf(rule: Rule): string {
  const steps: string[] = []
  for (let each: Rule | undefined = rule; each?.parent; each = each.parent) {
    if (each.depth <= deepestShown) steps.push(`rules[${each.index}]`)
  }
  return steps.toReversed().join('.') + (rule.depth > deepestShown ? '.…' : '')
}
