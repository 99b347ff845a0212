import type { FeatureValue } from '@halyard/contract'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import * as z from 'zod'
import type { Queryable } from '../access/rows.ts'
import { createFinder, whyNotPattern } from '../runtime/patterns.ts'

// What is checked takes time in proportion to the schema times the value: without references a schema is no larger than it looks,
// its patterns run in linear time, and both lengths are limited.
const longestSchema = 10_000
const patternsMax = 20

const references = new Set(['$ref', '$dynamicRef', '$recursiveRef', '$id', '$anchor', '$dynamicAnchor'])
const formats = ['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid'] as const

export const valueSchema = z.union([z.record(z.string(), z.unknown()), z.boolean()])
export type ValueSchema = z.output<typeof valueSchema>

class Refused extends Error {}

/** What is wrong with a schema; undefined: nothing. */
export function whyNotSchema(schema: ValueSchema): string | undefined {
  if (JSON.stringify(schema).length > longestSchema) return `A schema is at most ${longestSchema} characters long.`
  const reference = keysIn(schema).find((key) => references.has(key))
  if (reference) return `“${reference}” is not supported: write the schema out in full.`
  try {
    compile(schema)
    return undefined
  } catch (error) {
    return error instanceof Error ? `The schema is not usable: ${error.message}` : 'The schema is not usable.'
  }
}

/** Why a value is not what the schema asks for, with the path that fails; undefined: it is, or there is no value. Text must be JSON. */
export function whyValueIsRefused(schema: ValueSchema, value: FeatureValue): string | undefined {
  if (value === null) return undefined
  const parsed = typeof value === 'string' ? parse(value) : { json: value }
  if (!parsed) return 'The feature has a JSON Schema, and this value is not JSON.'
  const check = compile(schema)
  try {
    if (check(parsed.json)) return undefined
  } catch (error) {
    // So deep that comparing it overflows the stack.
    if (error instanceof RangeError) return 'The value is nested too deeply to be checked.'
    throw error
  }
  return `The value does not satisfy the feature’s JSON Schema at ${describe(check.errors?.[0])}.`
}

/** The schema of a feature's values; undefined when there is none. */
export async function findValueSchema(db: Queryable, featureId: number): Promise<ValueSchema | undefined> {
  const row = await db.selectFrom('feature_value_schemas').select('schema').where('feature_id', '=', featureId).executeTakeFirst()
  return row && valueSchema.parse(row.schema)
}

function parse(text: string): { json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) }
  } catch {
    return undefined
  }
}

const describe = (error: ErrorObject | undefined): string =>
  `${error?.instancePath === '' || !error ? 'its root' : error.instancePath}: ${error?.message ?? 'it is refused'}`

// Compiling takes longer than checking, and what is written has mostly the schema of what was written before.
const rememberedMax = 100
const remembered = new Map<string, ValidateFunction>()

function compile(schema: ValueSchema): ValidateFunction {
  const text = JSON.stringify(schema)
  const check = remembered.get(text) ?? compileUnknown(schema)
  if (remembered.size >= rememberedMax) remembered.clear()
  remembered.set(text, check)
  return check
}

function compileUnknown(schema: ValueSchema): ValidateFunction {
  let patterns = 0
  const regExp = (pattern: string) => {
    patterns += 1
    if (patterns > patternsMax) throw new Refused(`it has more than ${patternsMax} patterns.`)
    const reason = whyNotPattern(pattern)
    if (reason) throw new Refused(reason)
    // Ajv knows patterns apart by what they are as text.
    return { test: createFinder(pattern), toString: () => pattern }
  }
  // Its own for each schema: Ajv remembers what it compiled, and the patterns are counted.
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    validateSchema: true,
    code: { regExp: Object.assign(regExp, { code: 'linear' }) },
  })
  addFormats.default(ajv, { mode: 'fast', formats: [...formats] })
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    // Ajv's own compares each with each.
    validate: (isAsked: boolean, list: unknown[]) => !isAsked || new Set(list.map(canonical)).size === list.length,
    errors: false,
  })
  // The patterns of the schema of schemas do not count.
  ajv.compile({})
  patterns = 0
  return ajv.compile(typeof schema === 'boolean' ? schema : { ...schema, $schema: 'https://json-schema.org/draft/2020-12/schema' })
}

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  )

function keysIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => [key, ...keysIn(part)])
}
