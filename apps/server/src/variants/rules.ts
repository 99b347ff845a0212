import { isOverHundred, type FeatureValue } from '@halyard/contract'
import type { Selectable } from 'kysely'
import * as z from 'zod'
import { presentTypedValue } from '../feature-states/rules.ts'
import type { VariantsTable } from '../runtime/tables.ts'

const storedValue = z.union([z.string(), z.number(), z.boolean(), z.null()])

export interface VariantRow extends Omit<Selectable<VariantsTable>, 'value'> {
  readonly value: FeatureValue
}

export const readVariant = (row: Selectable<VariantsTable>): VariantRow => ({ ...row, value: storedValue.parse(row.value) })

interface Share {
  readonly key: string | null
  readonly default_weight: number
}

/** New environments begin with the default weights, so these have to fit together. */
export const whyNotDefault = (variants: readonly Share[]): string | undefined =>
  isOverHundred(variants.map((variant) => variant.default_weight))
    ? 'The default percentages of the feature’s variants add up to more than 100.'
    : undefined

export const whyNotKey = (key: string | null, others: readonly Share[]): string | undefined =>
  key !== null && others.some((other) => other.key === key) ? `The feature already has a variant with the key “${key}”.` : undefined

interface Weighted {
  readonly environment_name: string
  readonly variants: readonly { readonly weight: number }[]
}

/** A new variant gets its default weight everywhere, which has to be free there. */
export function whyNotEverywhere(states: readonly Weighted[], weight: number): string | undefined {
  const full = states.find((state) => isOverHundred([...state.variants.map((each) => each.weight), weight]))
  return (
    full && `In the environment “${full.environment_name}” the percentages would add up to more than 100: lower the others there first.`
  )
}

/** As it is shown within its feature. */
export const presentVariant = (variant: VariantRow) => ({
  id: variant.id,
  uuid: variant.uuid,
  ...presentTypedValue(variant.value),
  key: variant.key,
  default_percentage_allocation: variant.default_weight,
})
