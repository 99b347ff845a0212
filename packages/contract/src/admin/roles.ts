import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { id, listOf, name, oneOf, text, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'
import { keysOf, supportsTags, type Level } from '../permissions.ts'

const settings = {
  name: name(255),
  description: text(20_000).nullable(),
  tags: listOf(id).describe('Permissions that support tags count for features with one of these only; none: for all features.'),
}
const role = z.object({ id: z.int(), organisation: z.int(), name: z.string(), description: z.string().nullable(), tags: z.array(z.int()) })

const scope = { level: 'organisation', by: 'id', from: 'params.organisation' } as const satisfies Scope
const common = { scope, permission: 'ADMIN' } as const

const roleEndpoints = {
  list: {
    ...common,
    method: 'GET',
    path: '/api/v1/organisations/:organisation/roles/',
    summary: 'The roles of an organisation.',
    query: pageQuery(10),
    reply: page(role),
  },
  create: {
    ...common,
    method: 'POST',
    path: '/api/v1/organisations/:organisation/roles/',
    summary: 'Creates a role, still without permissions.',
    body: z.object({ name: settings.name, description: settings.description.default(null), tags: settings.tags.default([]) }),
    reply: role,
    status: 201,
    records: ['role.created'],
  },
  get: {
    ...common,
    method: 'GET',
    path: '/api/v1/organisations/:organisation/roles/:role/',
    summary: 'One role.',
    reply: role,
  },
  update: {
    ...common,
    method: 'PATCH',
    path: '/api/v1/organisations/:organisation/roles/:role/',
    summary: 'Changes a role; fields that are absent stay.',
    body: z.object(settings).partial(),
    reply: role,
    records: ['role.updated'],
  },
  replace: {
    ...common,
    method: 'PUT',
    path: '/api/v1/organisations/:organisation/roles/:role/',
    summary: 'Changes a role; the name is required.',
    body: z.object(settings).partial().extend({ name: settings.name }),
    reply: role,
    records: ['role.updated'],
  },
  delete: {
    ...common,
    method: 'DELETE',
    path: '/api/v1/organisations/:organisation/roles/:role/',
    summary: 'Deletes a role, and with it what people and keys held through it.',
    status: 204,
    records: ['role.deleted'],
  },
  listOfUser: {
    ...common,
    method: 'GET',
    path: '/api/v1/organisations/:organisation/users/:user/roles/',
    summary: 'The roles that somebody has in person.',
    query: pageQuery(10),
    reply: page(role),
  },
  listOfGroup: {
    ...common,
    method: 'GET',
    path: '/api/v1/organisations/:organisation/groups/:group/roles/',
    summary: 'The roles that a group has.',
    query: pageQuery(10),
    reply: page(role),
  },
  listOfMasterApiKey: {
    ...common,
    method: 'GET',
    path: '/api/v1/organisations/:organisation/master-api-keys/:prefix/roles/',
    summary: 'The roles that an API key has.',
    query: pageQuery(10),
    reply: page(role),
  },
} as const

export const roles = resource(roleEndpoints)

const assignments = <const Path extends string, Written extends z.ZodRawShape, Row extends z.ZodType>(
  path: Path,
  written: Written,
  row: Row,
) =>
  resource({
    list: { ...common, method: 'GET', path, summary: 'Those who have a role.', query: pageQuery(10), reply: page(row) },
    create: {
      ...common,
      method: 'POST',
      path,
      summary: 'Gives a role.',
      body: z.object(written),
      reply: row,
      status: 201,
      records: ['role.updated'],
    },
    delete: {
      ...common,
      method: 'DELETE',
      path: `${path}:assignment/` as const,
      summary: 'Takes a role away.',
      status: 204,
      records: ['role.updated'],
    },
  })

const base = '/api/v1/organisations/:organisation/roles/:role/'

export const roleUsers = assignments(`${base}users/`, { user: id }, z.object({ id: z.int(), user: z.int(), role: z.int() }))
export const roleGroups = assignments(`${base}groups/`, { group: id }, z.object({ id: z.int(), group: z.int(), role: z.int() }))
export const roleMasterApiKeys = assignments(
  `${base}master-api-keys/`,
  { master_api_key: name(100).describe('The prefix of the key, or its id.') },
  z.object({ id: z.int(), master_api_key: z.string(), role: z.int(), role_name: z.string() }),
)

const grantRows = <const Path extends string, Written extends z.ZodRawShape, Place extends z.ZodRawShape, Row extends z.ZodType>(
  path: Path,
  written: Written,
  place: Place,
  row: Row,
) =>
  resource({
    list: {
      ...common,
      method: 'GET',
      path,
      summary: 'What a role allows, and where.',
      query: z.object({ ...pageQuery(10).shape, project: id.optional(), environment: id.optional() }),
      reply: page(row),
    },
    create: {
      ...common,
      method: 'POST',
      path,
      summary: 'Lets a role allow something in one more place.',
      body: z.object({ ...written, ...place }),
      reply: row,
      status: 201,
      records: ['grant.created'],
    },
    get: { ...common, method: 'GET', path: `${path}:grant/` as const, summary: 'What a role allows in one place.', reply: row },
    update: {
      ...common,
      method: 'PATCH',
      path: `${path}:grant/` as const,
      summary: 'Replaces what a role allows in one place.',
      body: z.object(written),
      reply: row,
      records: ['grant.updated'],
    },
    replace: {
      ...common,
      method: 'PUT',
      path: `${path}:grant/` as const,
      summary: 'Replaces what a role allows in one place.',
      body: z.object(written),
      reply: row,
      records: ['grant.updated'],
    },
    delete: {
      ...common,
      method: 'DELETE',
      path: `${path}:grant/` as const,
      summary: 'Ends that a role allows anything in one place.',
      status: 204,
      records: ['grant.deleted'],
    },
  })

/** A permission, as its key or with the tags that it is for. */
const scoped = (level: Level) =>
  z
    .union(
      [
        oneOf(keysOf(level)).transform((key) => ({ permission_key: key, tags: [] as const })),
        z.object({ permission_key: oneOf(keysOf(level)), tags: listOf(id).default([]) }),
      ],
      'Expected a permission key, or an object with permission_key and tags.',
    )
    .refine(({ permission_key: key, tags }) => tags.length === 0 || supportsTags(key), 'This permission does not support tags.')

const writtenAt = (level: Level) => ({ permissions: listOf(scoped(level)).default([]), admin: yesOrNo.optional() })
const shownPermissions = z.array(z.object({ permission_key: z.string(), tags: z.array(z.int()) }))
const shown = { id: z.int(), role: z.int(), permissions: shownPermissions, admin: z.boolean() }

export const roleOrganisationPermissions = grantRows(
  `${base}organisation-permissions/`,
  { permissions: listOf(oneOf(keysOf('organisation'))).default([]) },
  {},
  z.object({ id: z.int(), role: z.int(), permissions: z.array(z.string()) }),
)
export const roleProjectPermissions = grantRows(
  `${base}projects-permissions/`,
  writtenAt('project'),
  { project: id },
  z.object({ ...shown, project: z.int() }),
)
export const roleEnvironmentPermissions = grantRows(
  `${base}environments-permissions/`,
  writtenAt('environment'),
  { environment: id },
  z.object({ ...shown, environment: z.int() }),
)
