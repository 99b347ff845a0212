import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { id, name } from '../fields.ts'

const listed = z.array(
  z.object({
    key: z.string(),
    description: z.string(),
    supports_tag: z.boolean().describe('True: a role can hold it for features with certain tags only.'),
  }),
)

const held = z.object({
  permissions: z.array(z.string()).describe('The keys that are held whatever the tags; of administrators all.'),
  admin: z.boolean(),
  tag_based_permissions: z
    .array(z.object({ permissions: z.array(z.string()), tags: z.array(z.int()) }))
    .describe('The keys that are held for features with one of these tags.'),
})

const derivedFrom = z.object({
  groups: z.array(z.object({ id: z.int(), name: z.string() })),
  roles: z.array(z.object({ id: z.int(), name: z.string(), tags: z.array(z.int()) })),
})

const detailed = z.object({
  admin: z.boolean(),
  is_directly_granted: z.boolean(),
  derived_from: derivedFrom,
  permissions: z.array(z.object({ permission_key: z.string(), is_directly_granted: z.boolean(), derived_from: derivedFrom })),
})

const through = z.array(
  z.object({
    kind: z
      .enum(['organisation_admin', 'admin', 'permission'])
      .describe('Administrators of the organisation, and of what holds this place or is it, need no permission of their own.'),
    level: z.enum(['organisation', 'project', 'environment']).describe('Where it was granted.'),
    granted_to: z.enum(['user', 'group', 'role', 'master_api_key']),
    id: z.int().nullable().describe('Of the group or role.'),
    name: z.string().nullable(),
    tags: z.array(z.int()).describe('For features with one of these tags; none: for all.'),
  }),
)

const access = z.object({
  admin: z.boolean(),
  permissions: z.array(
    z.object({
      key: z.string(),
      allowed: z.boolean().describe('True also where it is held for features with certain tags only.'),
      tags: z.array(z.int()).nullable().describe('Null: whatever the tags.'),
      through,
    }),
  ),
})

const accessQuery = z.strictObject({
  user: id.optional().describe('Somebody of the organisation. Absent, as master_api_key: the caller.'),
  master_api_key: name(100).optional().describe('The prefix of an API key of the organisation.'),
})

const organisation = { level: 'organisation', by: 'id', from: 'params.organisation' } as const satisfies Scope
const project = { level: 'project', by: 'id', from: 'params.project' } as const satisfies Scope
const environment = { level: 'environment', by: 'key', from: 'params.environment_key' } as const satisfies Scope

const seen = { method: 'GET', permission: 'MEMBER' } as const
const catalogue = { method: 'GET', scope: { level: 'actor' }, permission: 'ANYONE', reply: listed } as const

/** Views of one thing: what somebody may do in one place, and through what. Asking about others is for administrators of the place. */
export const permissionViews = resource({
  listForOrganisations: {
    ...catalogue,
    path: '/api/v1/organisations/permissions/',
    summary: 'The permissions that can be granted in an organisation.',
  },
  listForProjects: { ...catalogue, path: '/api/v1/projects/permissions/', summary: 'The permissions that can be granted in a project.' },
  listForEnvironments: {
    ...catalogue,
    path: '/api/v1/environments/permissions/',
    summary: 'The permissions that can be granted in an environment.',
  },
  mineInOrganisation: {
    ...seen,
    path: '/api/v1/organisations/:organisation/my-permissions/',
    summary: 'What the caller may do in an organisation.',
    scope: organisation,
    reply: held,
  },
  mineInProject: {
    ...seen,
    path: '/api/v1/projects/:project/my-permissions/',
    summary: 'What the caller may do in a project.',
    scope: project,
    reply: held,
  },
  mineInEnvironment: {
    ...seen,
    path: '/api/v1/environments/:environment_key/my-permissions/',
    summary: 'What the caller may do in an environment.',
    scope: environment,
    reply: held,
  },
  ofUserInOrganisation: {
    ...seen,
    path: '/api/v1/organisations/:organisation/user-detailed-permissions/:user/',
    summary: 'What somebody was granted in an organisation, and through what.',
    scope: organisation,
    reply: detailed,
  },
  ofUserInProject: {
    ...seen,
    path: '/api/v1/projects/:project/user-detailed-permissions/:user/',
    summary: 'What somebody was granted in a project, and through what.',
    scope: project,
    reply: detailed,
  },
  ofUserInEnvironment: {
    ...seen,
    path: '/api/v1/environments/:environment_key/user-detailed-permissions/:user/',
    summary: 'What somebody was granted in an environment, and through what.',
    scope: environment,
    reply: detailed,
  },
  allOfUserInProject: {
    method: 'GET',
    path: '/api/v1/projects/:project/all-user-permissions/:user/',
    summary: 'What somebody may do in a project.',
    scope: project,
    permission: 'ADMIN',
    reply: held,
  },
  accessToOrganisation: {
    ...seen,
    path: '/api/v1/organisations/:organisation/access/',
    summary: 'Every permission there is in an organisation: whether somebody has it, and through what.',
    scope: organisation,
    query: accessQuery,
    reply: access,
  },
  accessToProject: {
    ...seen,
    path: '/api/v1/projects/:project/access/',
    summary: 'Every permission there is in a project: whether somebody has it, and through what.',
    scope: project,
    query: accessQuery,
    reply: access,
  },
  accessToEnvironment: {
    ...seen,
    path: '/api/v1/environments/:environment_key/access/',
    summary: 'Every permission there is in an environment: whether somebody has it, and through what.',
    scope: environment,
    query: accessQuery,
    reply: access,
  },
})
