import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { saying, yesOrNo } from '../fields.ts'

const schema = z
  .union([z.record(z.string(), z.unknown()), z.boolean()], saying('A JSON Schema is an object, true or false.'))
  .describe('JSON Schema of draft 2020-12 without references, at most 10 000 characters; patterns are those of segments.')

const scope = { level: 'project', by: 'id', from: 'params.project' } as const satisfies Scope
const path = '/api/v1/projects/:project/features/:feature/value-schema/'

export const valueSchemas = resource({
  get: {
    method: 'GET',
    path,
    summary: 'What the values of a feature must be.',
    scope,
    permission: 'VIEW_PROJECT',
    reply: z.object({ schema }),
  },
  replace: {
    method: 'PUT',
    path,
    summary: 'Says what the values of a feature must be: text is then JSON that satisfies the schema, wherever it is written.',
    scope,
    permission: 'CREATE_FEATURE',
    body: z.strictObject({
      schema,
      accept_existing_values: yesOrNo.optional().describe('True: values that break it already stay until they are next changed.'),
    }),
    reply: z.object({ schema }),
    records: ['value_schema.updated'],
  },
  delete: {
    method: 'DELETE',
    path,
    summary: 'Lets the values of a feature be anything again.',
    scope,
    permission: 'CREATE_FEATURE',
    status: 204,
    records: ['value_schema.deleted'],
  },
})
