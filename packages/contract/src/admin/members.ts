import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { id, listOf, oneOf } from '../fields.ts'
import { pageSizeMax } from '../page.ts'

export const memberRole = oneOf(['ADMIN', 'USER'])

const member = z.object({
  id: z.int(),
  email: z.string(),
  first_name: z.string(),
  last_name: z.string(),
  last_login: z.iso.datetime().nullable(),
  uuid: z.uuid(),
  role: z.enum(['ADMIN', 'USER']),
  date_joined: z.iso.datetime(),
})

const scope = { level: 'organisation', by: 'id', from: 'params.organisation' } as const satisfies Scope

export const members = resource({
  list: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/users/',
    summary: 'The people of an organisation and what they are in it, as an array: of all, or of one page.',
    scope,
    permission: 'MEMBER',
    query: z.object({
      exclude_current: z.stringbool('Must be a valid boolean.').optional().describe('True: without the caller.'),
      search: z.string().trim().max(2000).optional().describe('A part of the name or e-mail address.'),
      page: z.coerce.number().int().min(1).default(1).describe('With page_size.'),
      page_size: z.coerce.number().int().min(1).max(pageSizeMax).optional().describe('Absent: everybody. The last page is shorter.'),
    }),
    reply: z.array(member),
  },
  updateRole: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/users/:user/update-role/',
    summary: 'Makes somebody else an administrator, or one no more.',
    scope,
    permission: 'ADMIN',
    body: z.object({ role: memberRole }),
    reply: member,
    records: ['member.updated'],
  },
  remove: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/remove-users/',
    summary: 'Removes people from an organisation: all that they could do in it ends at once. Answers with who is left out.',
    scope,
    permission: 'ADMIN',
    body: listOf(z.object({ id })).min(1, 'Name at least one person.'),
    reply: z.array(z.object({ id: z.int() })),
    records: ['member.removed'],
  },
  leave: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/leave/',
    summary: 'Takes the caller out of an organisation that keeps another administrator.',
    scope,
    permission: 'MEMBER',
    peopleOnly: true,
    status: 204,
    records: ['member.left'],
  },
})
