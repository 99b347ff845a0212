import * as z from 'zod'

/** What stands for a field of this name: readers know fields by their names. */
const byName: Readonly<Record<string, unknown>> = {
  id: 42,
  uuid: '5b4d6a4e-2c1f-4f6a-9a53-0d1c7b1f9e10',
  name: 'checkout',
  email: 'ada@example.com',
  first_name: 'Ada',
  last_name: 'Lovelace',
  password: 'correct horse battery',
  new_password: 'another long password',
  re_new_password: 'another long password',
  identifier: 'user-1815',
  description: 'The new checkout',
  label: 'payments',
  color: '#0e7490',
  api_key: 'AyrxPxDLWc5r5gZJc9sLzz',
  string_value: 'blue',
  trait_key: 'plan',
  property: 'plan',
  value: 'gold',
  url: 'https://example.com/hooks/halyard',
  rules: [{ type: 'ALL', rules: [{ type: 'ANY', conditions: [{ operator: 'EQUAL', property: 'plan', value: 'gold' }], rules: [] }] }],
  next: null,
  previous: null,
}

const byFormat: Readonly<Record<string, unknown>> = {
  'date-time': '2026-03-01T09:30:00.000Z',
  date: '2026-03-01',
  email: 'ada@example.com',
  uri: 'https://example.com/',
  uuid: '5b4d6a4e-2c1f-4f6a-9a53-0d1c7b1f9e10',
}

const deepest = 8

const schemaForm = z.looseObject({
  $ref: z.string().optional(),
  const: z.unknown().optional(),
  default: z.unknown().optional(),
  examples: z.array(z.unknown()).optional(),
  enum: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  allOf: z.array(z.unknown()).optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  format: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  prefixItems: z.array(z.unknown()).optional(),
})

interface Place {
  readonly name: string
  readonly depth: number
  readonly definitions: Readonly<Record<string, unknown>>
}

const rootForm = z.looseObject({ $defs: z.record(z.string(), z.unknown()).default({}) })

/** An example of what a JSON Schema accepts: its own, or one made of its defaults and the names of its fields. */
export const exampleOf = (schema: unknown): unknown => exampleAt(schema, { name: '', depth: 0, definitions: rootForm.parse(schema).$defs })

function exampleAt(written: unknown, place: Place): unknown {
  const schema = schemaForm.parse(written)
  if (place.depth > deepest) return {}
  const below = { ...place, depth: place.depth + 1 }
  const kind = [schema.type].flat()[0]
  const known = byName[place.name]
  if (known !== undefined && isOfKind(known, schema.$ref === undefined ? kind : 'array')) return known
  if (schema.$ref !== undefined) return exampleAt(place.definitions[schema.$ref.replace('#/$defs/', '')] ?? {}, below)
  if (schema.examples && schema.examples.length > 0) return schema.examples[0]
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf
  if (choices) return exampleAt(choices[0], below)
  return schema.default === undefined ? ofKind(schema, kind, below) : schema.default
}

const isOfKind = (value: unknown, kind: string | undefined) =>
  kind === (value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value)

function ofKind(schema: z.output<typeof schemaForm>, kind: string | undefined, below: Place): unknown {
  if (kind === 'object') {
    const members = Object.entries(schema.properties ?? {})
    return Object.fromEntries(members.map(([name, member]) => [name, exampleAt(member, { ...below, name })]))
  }
  if (kind === 'array') {
    if (schema.prefixItems) return schema.prefixItems.map((item) => exampleAt(item, below))
    return schema.items === undefined ? [] : [exampleAt(schema.items, below)]
  }
  if (kind === 'integer' || kind === 'number') return Math.min(Math.max(1, schema.minimum ?? 1), schema.maximum ?? Infinity)
  if (kind === 'boolean') return true
  if (kind === 'string') return (schema.format && byFormat[schema.format]) ?? 'text'
  return null
}
