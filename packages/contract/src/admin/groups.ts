import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { id, listOf, name, text, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

const settings = {
  name: name(200),
  is_default: yesOrNo.describe('True: who joins the organisation joins the group.'),
  external_id: text(255).nullable().describe('What the group is called by an identity provider.'),
}

const user = z.object({
  id: z.int(),
  email: z.string(),
  first_name: z.string(),
  last_name: z.string(),
  last_login: z.iso.datetime().nullable(),
  uuid: z.uuid(),
  group_admin: z.boolean().describe('True: may change the group and who belongs to it.'),
})

const group = z.object({ id: z.int(), ...settings, users: z.array(user) })
const summary = z.object({ id: z.int(), name: z.string() })
const people = z.object({ user_ids: listOf(id) })

const scope = { level: 'organisation', by: 'id', from: 'params.organisation' } as const satisfies Scope

export const groups = resource({
  list: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/groups/',
    summary: 'The groups of an organisation that the caller may change.',
    scope,
    permission: 'MEMBER',
    query: pageQuery(10),
    reply: page(group),
  },
  listMine: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/groups/my-groups/',
    summary: 'The groups that the caller belongs to.',
    scope,
    permission: 'MEMBER',
    query: pageQuery(10),
    reply: page(summary),
  },
  listSummaries: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/groups/summaries/',
    summary: 'The names of all groups of an organisation.',
    scope,
    permission: 'MEMBER',
    reply: z.array(summary),
  },
  create: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/groups/',
    summary: 'Creates a group, still without people.',
    scope,
    permission: 'MANAGE_USER_GROUPS',
    body: z.object({
      name: settings.name,
      is_default: settings.is_default.default(false),
      external_id: settings.external_id.default(null),
    }),
    reply: group,
    status: 201,
    records: ['group.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/groups/:group/',
    summary: 'One group and its people.',
    scope,
    permission: 'MANAGE_USER_GROUPS',
    orGroupAdmin: true,
    reply: group,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/organisations/:organisation/groups/:group/',
    summary: 'Changes a group; fields that are absent stay.',
    scope,
    permission: 'MANAGE_USER_GROUPS',
    orGroupAdmin: true,
    body: z.object(settings).partial(),
    reply: group,
    records: ['group.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/organisations/:organisation/groups/:group/',
    summary: 'Changes a group; the name is required.',
    scope,
    permission: 'MANAGE_USER_GROUPS',
    orGroupAdmin: true,
    body: z.object(settings).partial().extend({ name: settings.name }),
    reply: group,
    records: ['group.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/organisations/:organisation/groups/:group/',
    summary: 'Deletes a group, and with it what its people held through it.',
    scope,
    permission: 'MANAGE_USER_GROUPS',
    status: 204,
    records: ['group.deleted'],
  },
  addUsers: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/groups/:group/add-users/',
    summary: 'Adds people to a group that gives them no more than the caller holds.',
    scope,
    permission: 'MANAGE_USER_GROUPS',
    orGroupAdmin: true,
    body: people,
    reply: group,
    records: ['group.updated'],
  },
  removeUsers: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/groups/:group/remove-users/',
    summary: 'Removes people from a group.',
    scope,
    permission: 'MANAGE_USER_GROUPS',
    orGroupAdmin: true,
    body: people,
    reply: group,
    records: ['group.updated'],
  },
  makeAdmin: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/groups/:group/users/:user/make-admin/',
    summary: 'Lets somebody of a group change it and say who belongs to it.',
    scope,
    permission: 'ADMIN',
    reply: group,
    records: ['group.updated'],
  },
  removeAdmin: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/groups/:group/users/:user/remove-admin/',
    summary: 'Ends that somebody may change a group.',
    scope,
    permission: 'ADMIN',
    reply: group,
    records: ['group.updated'],
  },
})
