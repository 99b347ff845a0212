import { identityTraitsMax, isLongerThan, Problem, sdkEndpoints, traitKeyLengthMax, traitTextLengthMax } from '@halyard/contract'
import type { TraitValue } from '@halyard/engine'
import { isObject } from '../request-text.ts'

export interface OfrepContext {
  /** Empty for somebody unknown. */
  readonly identifier: string
  readonly traits: ReadonlyMap<string, TraitValue>
}

export function readContext(body: unknown): OfrepContext {
  const parsed = sdkEndpoints.ofrepFlags.body.safeParse(body)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Problem('invalid', `${issue?.path.map(String).join('.') || 'The body'}: ${issue?.message ?? 'is not valid'}`)
  }
  const context = isObject(body) ? body['context'] : undefined
  refuseTooManyMembers(context)
  const traits = traitsOf(context)
  for (const [key, value] of traits) refuseTooLong(key, value)
  return { identifier: parsed.data.context.targetingKey, traits }
}

function refuseTooManyMembers(context: unknown): void {
  if (!isObject(context)) return
  const nested = isObject(context['traits']) ? Object.keys(context['traits']).length : 0
  if (Object.keys(context).length + nested <= identityTraitsMax) return
  throw new Problem('invalid', `context: must have at most ${identityTraitsMax} members, those of its traits included`)
}

// Nothing is stored, but conditions are matched against it.
function refuseTooLong(key: string, value: TraitValue): void {
  if (isLongerThan(key, traitKeyLengthMax)) {
    throw new Problem('invalid', `context.${key.slice(0, traitKeyLengthMax)}…: the key must have at most ${traitKeyLengthMax} characters`)
  }
  if (typeof value === 'string' && isLongerThan(value, traitTextLengthMax)) {
    throw new Problem('invalid', `context.${key}: must have at most ${traitTextLengthMax} characters`)
  }
}

/** Members of the context that can be traits, over those of its `traits`, where Flagsmith's own providers put them. */
function traitsOf(context: unknown): ReadonlyMap<string, TraitValue> {
  const traits = new Map<string, TraitValue>()
  if (!isObject(context)) return traits
  const { traits: nested } = context
  if (isObject(nested)) {
    for (const [key, written] of Object.entries(nested)) {
      // As in `{ plan: { value: 'pro', transient: true } }`.
      const value = isObject(written) && Object.hasOwn(written, 'value') ? written['value'] : written
      if (isTraitValue(value)) traits.set(key, value)
    }
  }
  for (const [key, value] of Object.entries(context)) {
    if (key !== 'targetingKey' && isTraitValue(value)) traits.set(key, value)
  }
  return traits
}

const isTraitValue = (value: unknown): value is TraitValue =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
