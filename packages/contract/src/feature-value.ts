import * as z from 'zod'
import { id, listOf, oneOf, text, yesOrNo } from './fields.ts'

/** What a feature carries besides on or off. */
export type FeatureValue = string | number | boolean | null

const valueMax = 20_000
const integer = z.int('A valid integer is required.')

/** A value as it is: `"blue"`, `42`, `true` or `null`. */
export const plainValue = z.union([text(valueMax), integer, z.boolean(), z.null()], 'A value is a text, an integer, a boolean or null.')

const fieldByType = { int: 'integer_value', unicode: 'string_value', bool: 'boolean_value' } as const
export type ValueType = keyof typeof fieldByType

/** A value by its type, one field for each. Spread into bodies and replies that have more. */
export const typedFields = {
  type: oneOf(['int', 'unicode', 'bool']),
  string_value: text(valueMax).nullable(),
  integer_value: integer.nullable(),
  boolean_value: yesOrNo.nullable(),
}

/** Absent fields are null; without a type, the field that is not null says it. */
export const writtenTypedFields = {
  type: typedFields.type.nullish(),
  string_value: typedFields.string_value.nullish(),
  integer_value: typedFields.integer_value.nullish(),
  boolean_value: typedFields.boolean_value.nullish(),
}

type Written = z.output<z.ZodObject<typeof writtenTypedFields>>

/** The value that typed fields stand for. A text may be null; a number or boolean that is announced must be there. */
export function valueOf(written: Written, context: z.RefinementCtx<Written>): FeatureValue {
  const field = fieldByType[written.type ?? typeOfFields(written)]
  const value = written[field] ?? null
  if (value === null && field !== 'string_value') context.addIssue({ code: 'custom', path: [field], message: 'This field is required.' })
  return value
}

function typeOfFields(written: Written): ValueType {
  if (typeof written.integer_value === 'number') return 'int'
  return typeof written.boolean_value === 'boolean' ? 'bool' : 'unicode'
}

/** A value in an object of its own: `{ "type": "int", "integer_value": 42 }`. */
export const writtenTypedValue = z.object(writtenTypedFields).transform(valueOf).nullable()
export const typedValue = z.object(typedFields)

const textualFields = { type: oneOf(['string', 'integer', 'boolean']), value: text(valueMax) }

/** A value in an object of its own, as a text: `{ "type": "integer", "value": "42" }`. */
export const textualValue = z.object(textualFields)
export const writtenTextualValue = textualValue.transform(({ type, value }, context): FeatureValue => {
  const wrong = (message: string) => {
    context.addIssue({ code: 'custom', path: ['value'], message })
    return null
  }
  if (type === 'string') return value
  if (type === 'boolean') return /^(?:true|false)$/i.test(value) ? value.toLowerCase() === 'true' : wrong('A boolean is “true” or “false”.')
  return /^[+-]?\d+$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : wrong('A valid integer is required.')
})

export const percentage = z
  .number('A valid number is required.')
  .min(0, 'Ensure this value is greater than or equal to 0.')
  .max(100, 'Ensure this value is less than or equal to 100.')

/** Decimals that are 100 on paper, such as 33.3 + 33.3 + 33.4, are not always in binary. */
export const isOverHundred = (percentages: readonly number[]): boolean => percentages.reduce((sum, each) => sum + each, 0) > 100 + 1e-6

const weight = z
  .object({ multivariate_feature_option: id, percentage_allocation: percentage })
  .transform((written) => ({ variantId: written.multivariate_feature_option, weight: written.percentage_allocation }))

interface Weighed {
  readonly variantId: number
  readonly weight: number
}

const sharedAmong = <Item extends z.ZodType<Weighed>>(item: Item) =>
  listOf(item)
    .refine((weights) => new Set(weights.map(({ variantId }) => variantId)).size === weights.length, 'A variant is listed twice.')
    .refine((weights) => !isOverHundred(weights.map(({ weight }) => weight)), 'The percentages add up to more than 100.')

/** Which share of identities gets which variant; what is left gets the state's own value. Variants that are absent get none. */
export const writtenWeights = sharedAmong(weight)

/** The same in other words: `{ "id": 5, "weight": 30 }`. */
export const shownVariant = z.object({ id: z.int(), weight: z.number() })
export const writtenVariants = sharedAmong(
  z.object({ id, weight: percentage }).transform((written) => ({ variantId: written.id, weight: written.weight })),
)

/** What of a feature state may be written, with its value written one way or the other; what is absent stays. */
export const writtenState = <Value extends z.ZodType<FeatureValue>>(value: Value) => ({
  enabled: yesOrNo.optional(),
  feature_state_value: value.optional(),
  multivariate_feature_state_values: writtenWeights.optional(),
})

/** A feature state as it is shown, with its value shown one way or the other. */
export const shownState = <Value extends z.ZodType>(value: Value) => ({
  id: z.int(),
  uuid: z.uuid(),
  feature: z.int(),
  environment: z.int(),
  enabled: z.boolean(),
  feature_state_value: value,
  multivariate_feature_state_values: z.array(
    z.object({ id: z.int(), multivariate_feature_option: z.int(), percentage_allocation: z.number() }),
  ),
  version: z.int(),
  live_from: z.iso.datetime(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  deleted_at: z.null(),
  change_request: z.null(),
  environment_feature_version: z.uuid().nullable().describe('The version that counts, where states are changed through versions only.'),
})
