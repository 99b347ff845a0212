import { Problem, sdkEndpoints } from '@halyard/contract'
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
  return { identifier: parsed.data.context.targetingKey, traits: traitsOf(isObject(body) ? body['context'] : undefined) }
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
