import * as z from 'zod'
import { isOverHundred, percentage, plainValue, typedFields, type FeatureValue, type ValueType } from './feature-value.ts'
import { name, yesOrNo } from './fields.ts'
import { expecting, isStorable, messages, utf8Length } from './sdk/text.ts'

/** Flagsmith's file of the features of one environment: what they are by default in it, without segments, tags and descriptions. */
interface Typed {
  readonly type: ValueType
  readonly value: FeatureValue
}

const isOfType = ({ type, value }: Typed): boolean => {
  if (type === 'unicode') return typeof value === 'string' || value === null
  return type === 'int' ? typeof value === 'number' : typeof value === 'boolean'
}

const wrongType = { path: ['value'], message: 'The value is not of the type that is named.' }

const variantInFile = z
  .object({ percentage_allocation: percentage, default_percentage_allocation: percentage, type: typedFields.type, value: plainValue })
  .refine(isOfType, wrongType)

const variantsInFile = z
  .array(variantInFile, 'Expected a list of items.')
  .max(1000)
  .refine((variants) => !isOverHundred(variants.map((each) => each.percentage_allocation)), 'The percentages add up to more than 100.')
  .refine(
    (variants) => !isOverHundred(variants.map((each) => each.default_percentage_allocation)),
    'The default percentages add up to more than 100.',
  )

const featureInFile = z
  .object({
    name: name(),
    default_enabled: yesOrNo,
    is_server_key_only: yesOrNo,
    initial_value: plainValue.transform((value) => (value === null ? null : String(value))),
    enabled: yesOrNo,
    type: typedFields.type,
    value: plainValue,
    multivariate: variantsInFile.default([]),
  })
  .refine(isOfType, wrongType)

export type FeatureInFile = z.output<typeof featureInFile>

const fileBytesMax = 1_000_000

/** The file as text, read: what is wrong in it is said with its place. */
export const featureFile = z
  .string({ error: expecting('Send the file of an export.') })
  .meta({ examples: ['[]'] })
  .refine((text) => text.length <= fileBytesMax && utf8Length(text) <= fileBytesMax, {
    message: 'File size is too large: 1 000 000 bytes are allowed.',
    abort: true,
  })
  .transform(parseJson)
  .pipe(z.array(featureInFile, 'The file is not a list of features.').superRefine(refuseDoubles))

function parseJson(text: string, context: z.RefinementCtx<string>): unknown {
  try {
    return JSON.parse(text, refuseUnstorable)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `The file is not JSON: ${error instanceof Error ? error.message : 'it cannot be read'}` })
    return z.NEVER
  }
}

function refuseUnstorable(_: string, value: unknown): unknown {
  if (typeof value === 'string' && !isStorable(value)) throw new Error(messages.unstorable)
  return value
}

function refuseDoubles(features: readonly FeatureInFile[], context: z.RefinementCtx): void {
  const seen = new Set<string>()
  for (const [index, feature] of features.entries()) {
    const key = feature.name.toLowerCase()
    if (seen.has(key)) context.addIssue({ code: 'custom', path: [index, 'name'], message: 'Another feature of the file has this name.' })
    seen.add(key)
  }
}
