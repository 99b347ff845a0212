import { api, notFound } from '@halyard/contract'
import type { Queryable } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { implement, type Route } from '../http/implement.ts'
import { createGrant, deleteGrant, updateGrant } from './commands.ts'
import { listGroupGrants, listUserGrants, type Granted, type GrantPlace } from './queries.ts'

export const grantRoutes = (): Route[] => [
  ...implement(api.organisationUserPermissions, ofUsers),
  ...implement(api.organisationGroupPermissions, ofGroups),
  ...implement(api.projectUserPermissions, ofUsers),
  ...implement(api.projectGroupPermissions, ofGroups),
  ...implement(api.environmentUserPermissions, ofUsers),
  ...implement(api.environmentGroupPermissions, ofGroups),
]

type Reading = GrantPlace & { readonly db: Queryable }
type Writing = GrantPlace & { readonly edit: Edit }
interface One {
  readonly params: { readonly grant: number }
}
interface Written {
  readonly permissions: readonly string[]
  readonly admin?: boolean | undefined
}

const content = ({ permissions, admin }: Written) => ({
  permissions: Object.fromEntries(permissions.map((key): [string, number[]] => [key, []])),
  isAdmin: admin,
})

const placeOf = ({ organisation, project, environment }: GrantPlace): GrantPlace => ({ organisation, project, environment })

const ofUsers = {
  list: async (input: Reading & { query: { user?: number | undefined } }) =>
    (await listUserGrants(input.db, placeOf(input), { user: input.query.user })).map(presentOfUser),
  async create(input: Writing & { body: Written & { user: number } }) {
    const { id } = await createGrant(input.edit, placeOf(input), { kind: 'user', id: input.body.user }, content(input.body))
    return getOfUser(input.edit.tx, input, id)
  },
  get: async (input: Reading & One) => getOfUser(input.db, input, input.params.grant),
  update: (input: Writing & One & { body: Written }) => changeOfUser(input),
  replace: (input: Writing & One & { body: Written }) => changeOfUser(input),
  delete: (input: Writing & One) => deleteGrant(input.edit, placeOf(input), { kind: 'user', id: input.params.grant }),
}

async function changeOfUser(input: Writing & One & { body: Written }) {
  const { id } = await updateGrant(input.edit, placeOf(input), { kind: 'user', id: input.params.grant }, content(input.body))
  return getOfUser(input.edit.tx, input, id)
}

async function getOfUser(db: Queryable, place: GrantPlace, id: number) {
  const [row] = await listUserGrants(db, placeOf(place), { id })
  if (!row) throw notFound()
  return presentOfUser(row)
}

const ofGroups = {
  list: async (input: Reading & { query: { group?: number | undefined } }) =>
    (await listGroupGrants(input.db, placeOf(input), { group: input.query.group })).map(presentOfGroup),
  async create(input: Writing & { body: Written & { group: number } }) {
    const { id } = await createGrant(input.edit, placeOf(input), { kind: 'group', id: input.body.group }, content(input.body))
    return getOfGroup(input.edit.tx, input, id)
  },
  get: async (input: Reading & One) => getOfGroup(input.db, input, input.params.grant),
  update: (input: Writing & One & { body: Written }) => changeOfGroup(input),
  replace: (input: Writing & One & { body: Written }) => changeOfGroup(input),
  delete: (input: Writing & One) => deleteGrant(input.edit, placeOf(input), { kind: 'group', id: input.params.grant }),
}

async function changeOfGroup(input: Writing & One & { body: Written }) {
  const { id } = await updateGrant(input.edit, placeOf(input), { kind: 'group', id: input.params.grant }, content(input.body))
  return getOfGroup(input.edit.tx, input, id)
}

async function getOfGroup(db: Queryable, place: GrantPlace, id: number) {
  const [row] = await listGroupGrants(db, placeOf(place), { id })
  if (!row) throw notFound()
  return presentOfGroup(row)
}

const present = ({ id, permissions, is_admin }: { id: number; permissions: Granted; is_admin: boolean }) => ({
  id,
  permissions: Object.keys(permissions),
  admin: is_admin,
})

const presentOfUser = (row: Awaited<ReturnType<typeof listUserGrants>>[number]) => ({
  ...present(row),
  user: {
    id: row.user_id ?? 0,
    email: row.email,
    first_name: row.first_name,
    last_name: row.last_name,
    last_login: row.signed_in_at?.toISOString() ?? null,
    uuid: row.uuid,
  },
})

const presentOfGroup = (row: Awaited<ReturnType<typeof listGroupGrants>>[number]) => ({
  ...present(row),
  group: { id: row.group_id ?? 0, name: row.name },
})
