import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { id } from '../fields.ts'
import { exactIdentifier } from '../sdk/identifier.ts'
import { segmentRule, writtenRules } from './segments.ts'

const limitMax = 200
const flag = z.stringbool({ error: 'Must be a valid boolean.' })
const limit = z.coerce
  .number()
  .int()
  .min(1)
  .transform((asked) => Math.min(asked, limitMax))
  .default(50)

const member = z.object({ id: z.int(), identifier: z.string() })

const counted = {
  count: z.int().describe('How many there are; an estimate unless `is_exact`.'),
  is_exact: z.boolean(),
  evaluated: z.int().describe('Of how many identities the count was made.'),
}

export const segmentMembers = resource({
  list: {
    method: 'GET',
    path: '/api/v1/projects/:project/segments/:segment/members/',
    summary: 'Who is in a segment now, in an environment; a page may be short while there is a next one.',
    scope: { level: 'environment', by: 'id', from: 'query.environment' },
    permission: 'VIEW_IDENTITIES',
    query: z.object({
      environment: id,
      cursor: exactIdentifier.default('').describe('The identifier after which to begin; `next_cursor` has it.'),
      limit,
      exact: flag.default(false).describe('True: count everybody, and wait for it; otherwise 10 000 of them say how many there are.'),
    }),
    reply: z.object({ ...counted, results: z.array(member), next_cursor: z.string().nullable() }),
  },
  preview: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/segment-preview/',
    summary: 'Who would be in a segment with these rules, and how many.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_IDENTITIES',
    reads: true,
    body: z.strictObject({
      rules: writtenRules,
      exact: z.boolean('Must be a valid boolean.').nullish().describe('True: count everybody, and wait for it.'),
    }),
    reply: z.object({ ...counted, rules: z.array(segmentRule), results: z.array(member).describe('Some of them.') }),
  },
})
