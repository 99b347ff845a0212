import { charactersLike } from './case-folding.ts'
import type { ExportedDocument, LeftOutSegment } from './compiled-environment.ts'
import type { Condition } from './conditions.ts'
import type { OwnOperator } from './context.ts'
import type { ConditionDocument, EnvironmentDocument, RuleDocument, SegmentDocument } from './environment-document.ts'
import { whyTooLarge } from './regular-expression.ts'
import { deepestShown } from './rules.ts'
import type { Segment } from './segments.ts'
import { isRecord } from './shape.ts'

/** How official SDKs are told a condition of ours: as a regular expression, unless there is a reason why not. */
type Exported = { readonly pattern: string } | { readonly reason: string }

const noDates = { reason: 'official SDKs cannot compare dates' }
const ambiguous = { reason: 'official SDKs would also find this in numbers and booleans, each in its own way' }
// Unlike `.`, this also takes line breaks. It stands at both ends because some engines search and others match from the start.
const anything = '[\\s\\S]*'

const exporters = {
  STARTS_WITH: (operand) => (mayStartNumber(operand) ? ambiguous : asPattern(`^${escaped(operand)}${anything}`)),
  ENDS_WITH: (operand) => (mayBeInNumber(operand) ? ambiguous : asPattern(`^${anything}${escaped(operand)}$`)),
  CONTAINS_IGNORE_CASE: (operand) =>
    mayBeInNumber(operand) ? ambiguous : asPattern(`^${anything}${Array.from(operand, inAnyCase).join('')}${anything}`),
  DATE_BEFORE: () => noDates,
  DATE_AFTER: () => noDates,
} satisfies Record<OwnOperator, (operand: string) => Exported>

const exporterByOperator = new Map<string, (operand: string) => Exported>(Object.entries(exporters))

/** The document in words that every official SDK knows. A segment that cannot be said so is left out with its overrides. */
export function exportDocument(document: EnvironmentDocument, segments: readonly Segment[]): ExportedDocument {
  const own = segments.map(ownConditionsOf)
  if (own.every((conditions) => conditions.length === 0)) return { document, leftOut: [] }
  const leftOut: LeftOutSegment[] = []
  const exported: SegmentDocument[] = []
  // Segments are those of the document that can be read, in its order.
  for (const [index, segment] of document.project.segments.filter(isRecord).entries()) {
    const conditions = own[index] ?? []
    const reason = segments[index]?.rules.some(isTooDeep) ? 'the rules are nested too deep' : conditions.map(whyNotExported).find(Boolean)
    if (conditions.length === 0) exported.push(segment)
    else if (reason === undefined) exported.push({ ...segment, rules: segment.rules.map(exportRule) })
    else leftOut.push({ segmentId: segment.id, segmentName: segment.name, reason })
  }
  return { document: { ...document, project: { ...document.project, segments: exported } }, leftOut }
}

function ownConditionsOf({ rules }: Segment): Condition[] {
  return rules.flatMap(({ conditions }) => conditions.filter(({ written }) => exporterByOperator.has(written.operator)))
}

function isTooDeep({ depth }: { readonly depth: number }): boolean {
  return depth > deepestShown
}

function whyNotExported({ written: { operator, value }, problem }: Condition): string | undefined {
  const exported = problem === null ? exportedAs(operator, value) : { reason: problem }
  return exported && 'reason' in exported ? `${operator}: ${exported.reason}` : undefined
}

function exportRule(rule: RuleDocument): RuleDocument {
  if (!isRecord(rule)) return rule
  const { rules, conditions } = rule
  return {
    ...rule,
    rules: Array.isArray(rules) ? rules.map(exportRule) : rules,
    conditions: Array.isArray(conditions) ? conditions.map(exportCondition) : conditions,
  }
}

function exportCondition(condition: ConditionDocument): ConditionDocument {
  const exported = isRecord(condition) ? exportedAs(condition.operator, condition.value) : undefined
  return exported && 'pattern' in exported ? { ...condition, operator: 'REGEX', value: exported.pattern } : condition
}

/** Undefined when the operator is known everywhere. */
function exportedAs(operator: string, operand: unknown): Exported | undefined {
  return exporterByOperator.get(operator)?.(typeof operand === 'string' ? operand : '')
}

/** No larger than what our own engine takes, which reads exported documents too. It is not compiled here: that it is valid is known. */
function asPattern(pattern: string): Exported {
  return whyTooLarge(pattern) === undefined ? { pattern } : { reason: 'the value is too long to be exported as a regular expression' }
}

const special = /[\\^$.|?*+()[\]{}]/g

function escaped(text: string): string {
  return text.replace(special, '\\$&')
}

function inAnyCase(character: string): string {
  const alike = charactersLike(character)
  if (alike.length === 1) return escaped(character)
  // Engines that read UTF-16 would take a class apart that has characters of two units.
  return alike.every(({ length }) => length === 1) ? `[${alike.join('')}]` : `(?:${alike.join('|')})`
}

// SDKs convert text that looks like a number, and write numbers and booleans each as its language does: 2, 2.0, 1e+21, True.
const words = ['true', 'false', 'True', 'False', 'inf', '-inf', '+Inf', '-Inf', 'Infinity', '-Infinity', 'nan', 'NaN']

function mayStartNumber(text: string): boolean {
  return /^-?\d*(?:\.\d*)?(?:[eE][+-]?\d*)?$/.test(text) || words.some((word) => word.startsWith(text))
}

function mayBeInNumber(text: string): boolean {
  return /^[-+.\deE]*$/.test(text) || words.some((word) => word.toLowerCase().includes(text.toLowerCase()))
}
