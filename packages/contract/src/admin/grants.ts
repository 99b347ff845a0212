import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { id, listOf, oneOf, yesOrNo } from '../fields.ts'
import { keysOf, type Level, type Permission } from '../permissions.ts'

const user = z.object({
  id: z.int(),
  email: z.string(),
  first_name: z.string(),
  last_name: z.string(),
  last_login: z.iso.datetime().nullable(),
  uuid: z.uuid(),
})
const group = z.object({ id: z.int(), name: z.string() })

const shown = { id: z.int(), permissions: z.array(z.string()), admin: z.boolean() }
const ofUser = z.object({ ...shown, user })
const ofGroup = z.object({ ...shown, group })

const written = (level: Level) => ({
  permissions: listOf(oneOf(keysOf(level)))
    .default([])
    .describe('All that is granted: what is not here is taken away.'),
  admin: yesOrNo.optional().describe('Administrator here; absent: stays. In an organisation that is for a member’s role to say.'),
})

interface Rows<Path, Where, Row> {
  readonly path: Path
  readonly scope: Where
  readonly row: Row
  readonly level: Level
  /** Who sees the rows; writing them is for administrators of the place. */
  readonly seenWith: Permission
}

const filters = z.object({ user: id.optional(), group: id.optional() })

function rows<const Path extends string, const Where extends Scope, Row extends z.ZodType, Holder extends z.ZodRawShape>(
  { path, scope, row, level, seenWith }: Rows<Path, Where, Row>,
  holder: Holder,
) {
  const [all, one] = [
    { path, scope },
    { path: `${path}:grant/` as const, scope },
  ] as const
  const replaced = {
    ...one,
    summary: 'Replaces the permissions that were granted.',
    permission: 'ADMIN',
    body: z.object(written(level)),
    reply: row,
    records: ['grant.updated'],
  } as const
  return resource({
    list: {
      ...all,
      method: 'GET',
      summary: `What was granted in one ${level}.`,
      permission: seenWith,
      query: filters,
      reply: z.array(row),
    },
    create: {
      ...all,
      method: 'POST',
      summary: `Grants permissions in one ${level} to somebody who has none of their own there.`,
      permission: 'ADMIN',
      body: z.object({ ...written(level), ...holder }),
      reply: row,
      status: 201,
      records: ['grant.created'],
    },
    get: { ...one, method: 'GET', summary: `What was granted to one holder in one ${level}.`, permission: seenWith, reply: row },
    update: { ...replaced, method: 'PATCH' },
    replace: { ...replaced, method: 'PUT' },
    delete: {
      ...one,
      method: 'DELETE',
      summary: 'Takes away everything that was granted.',
      permission: 'ADMIN',
      status: 204,
      records: ['grant.deleted'],
    },
  })
}

const organisation = {
  level: 'organisation',
  scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
  seenWith: 'ADMIN',
} as const
const project = { level: 'project', scope: { level: 'project', by: 'id', from: 'params.project' }, seenWith: 'ADMIN' } as const
const environment = {
  level: 'environment',
  scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
  seenWith: 'VIEW_ENVIRONMENT',
} as const

export const organisationUserPermissions = rows(
  { ...organisation, path: '/api/v1/organisations/:organisation/user-permissions/', row: ofUser },
  { user: id },
)
export const organisationGroupPermissions = rows(
  { ...organisation, path: '/api/v1/organisations/:organisation/user-group-permissions/', row: ofGroup },
  { group: id },
)
export const projectUserPermissions = rows({ ...project, path: '/api/v1/projects/:project/user-permissions/', row: ofUser }, { user: id })
export const projectGroupPermissions = rows(
  { ...project, path: '/api/v1/projects/:project/user-group-permissions/', row: ofGroup },
  { group: id },
)
export const environmentUserPermissions = rows(
  { ...environment, path: '/api/v1/environments/:environment_key/user-permissions/', row: ofUser },
  { user: id },
)
export const environmentGroupPermissions = rows(
  { ...environment, path: '/api/v1/environments/:environment_key/user-group-permissions/', row: ofGroup },
  { group: id },
)
