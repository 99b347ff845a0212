import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { oneOf } from '../fields.ts'
import { page, pageQuery } from '../page.ts'
import { messages } from '../sdk/text.ts'
import { traitKey, traitText } from '../sdk/traits.ts'

const valueTypes = ['unicode', 'int', 'bool', 'float'] as const

const trait = z.object({
  id: z.int().describe('Made from the key: the same for the same traits, but not a key of anything.'),
  trait_key: z.string(),
  value_type: z.enum(valueTypes),
  string_value: z.string().nullable(),
  integer_value: z.int().nullable(),
  boolean_value: z.boolean().nullable(),
  float_value: z.number().nullable(),
  created_date: z.iso.datetime().describe('When the identity was first seen: traits have no dates of their own.'),
})

const columns = {
  unicode: 'string_value',
  int: 'integer_value',
  bool: 'boolean_value',
  float: 'float_value',
} as const satisfies Record<(typeof valueTypes)[number], string>

const written = {
  value_type: oneOf(valueTypes).optional().describe('Which of the four values counts; absent, the one that is not null.'),
  string_value: traitText.nullish(),
  integer_value: z.int(messages.notInteger).nullish(),
  boolean_value: z.boolean(messages.notBoolean).nullish(),
  float_value: z.number('A valid number is required.').nullish(),
}

type Written = z.output<z.ZodObject<typeof written>>

const anyColumn = ['string_value', 'integer_value', 'boolean_value', 'float_value'] as const

/** The value that is meant; undefined when there is none. */
function valueOf(body: Written) {
  const column = body.value_type ? columns[body.value_type] : anyColumn.find((name) => (body[name] ?? null) !== null)
  return column && (body[column] ?? undefined)
}

function requireValue(body: Written, context: z.RefinementCtx) {
  const value = valueOf(body)
  if (value !== undefined) return value
  context.addIssue({ code: 'custom', path: [body.value_type ? columns[body.value_type] : 'string_value'], message: messages.required })
  return z.NEVER
}

const flag = z.stringbool({ error: 'Must be a valid boolean.' })
const environment = { level: 'environment', by: 'key', from: 'params.environment_key' } as const satisfies Scope

export const identityTraits = resource({
  list: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/identities/:identity/traits/',
    summary: 'What is known of an identity.',
    scope: environment,
    permission: 'VIEW_IDENTITIES',
    query: pageQuery(10),
    reply: page(trait),
  },
  create: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/identities/:identity/traits/',
    summary: 'Adds a trait to an identity.',
    scope: environment,
    permission: 'MANAGE_IDENTITIES',
    edits: 'own',
    body: z
      .object({ trait_key: traitKey, ...written })
      .transform((body, context) => ({ key: body.trait_key, value: requireValue(body, context) })),
    reply: trait,
    status: 201,
    records: ['identity.updated'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/identities/:identity/traits/:trait/',
    summary: 'One trait.',
    scope: environment,
    permission: 'VIEW_IDENTITIES',
    reply: trait,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/environments/:environment_key/identities/:identity/traits/:trait/',
    summary: 'Changes the value of a trait; without one it stays. The key is what the trait is, so it stays too.',
    scope: environment,
    permission: 'MANAGE_IDENTITIES',
    edits: 'own',
    body: z.object(written).transform((body) => ({ value: valueOf(body) })),
    reply: trait,
    records: ['identity.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/environments/:environment_key/identities/:identity/traits/:trait/',
    summary: 'Changes the value of a trait. The key is what the trait is, so it stays.',
    scope: environment,
    permission: 'MANAGE_IDENTITIES',
    edits: 'own',
    body: z.object(written).transform((body, context) => ({ value: requireValue(body, context) })),
    reply: trait,
    records: ['identity.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/environments/:environment_key/identities/:identity/traits/:trait/',
    summary: 'Removes a trait from an identity.',
    scope: environment,
    permission: 'MANAGE_IDENTITIES',
    edits: 'own',
    query: z.object({
      deleteAllMatchingTraits: flag
        .default(false)
        .describe('True: also, a moment later, from every other identity of the environment, whatever its value.'),
    }),
    status: 204,
    records: ['identity.updated', 'trait.deleted'],
  },
  listKeys: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/trait-keys/',
    summary: 'The keys of traits, of 10 000 identities at random where there are more.',
    scope: environment,
    permission: 'VIEW_ENVIRONMENT',
    reply: z.object({ keys: z.array(z.string()) }),
  },
  deleteKey: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/delete-traits/',
    summary: 'Removes a trait from every identity of an environment, a moment later.',
    scope: environment,
    permission: 'ADMIN',
    body: z.object({ key: traitKey }),
    records: ['trait.deleted'],
  },
})
