import { api, invalid, notFound, unknownId, type Reply } from '@halyard/contract'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { findGroup } from '../groups/queries.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { findMasterApiKey } from '../master-api-keys/queries.ts'
import { isMember } from '../organisations/queries.ts'
import { assignRole, createRole, deleteRole, unassignRole, updateRole } from './commands.ts'
import { roleGrantRoutes } from './grant-routes.ts'
import { pageAssignments, pageRoles, requireRole, type Assignee, type RoleRow } from './queries.ts'

export const roleRoutes = (): Route[] => [...rolesThemselves(), ...assignments(), ...roleGrantRoutes()]

const rolesThemselves = () =>
  implement(api.roles, {
    list: (input) => listRoles(input),
    create: async ({ edit, organisation, body }) => present(await createRole(edit, organisation, body)),
    get: async ({ db, organisation, params }) => present(await requireRole(db, organisation, params.role)),
    update: async ({ edit, organisation, params, body }) => present(await updateRole(edit, organisation, params.role, body)),
    replace: async ({ edit, organisation, params, body }) => present(await updateRole(edit, organisation, params.role, body)),
    delete: ({ edit, organisation, params }) => deleteRole(edit, organisation, params.role),
    async listOfUser(input) {
      if (!(await isMember(input.db, input.organisation, input.params.user))) throw notFound()
      return listRoles(input, { column: 'user_id', id: input.params.user })
    },
    async listOfGroup(input) {
      if (!(await findGroup(input.db, input.organisation, input.params.group))) throw notFound()
      return listRoles(input, { column: 'group_id', id: input.params.group })
    },
    async listOfMasterApiKey(input) {
      const key = await findMasterApiKey(input.db, input.organisation, input.params.prefix)
      if (!key) throw notFound()
      return listRoles(input, { column: 'master_api_key_id', id: key.id })
    },
  })

const assignments = () => [
  ...implement(api.roleUsers, {
    async list(input) {
      const page = await listAssignments(input, 'user_id')
      return { ...page, results: page.results.map(({ id, user_id, role_id }) => ({ id, user: user_id ?? 0, role: role_id })) }
    },
    async create({ edit, organisation, params, body: { user } }) {
      const role = await requireRole(edit.tx, organisation, params.role)
      if (!(await isMember(edit.tx, organisation, user))) throw invalid({ user: [unknownId(user)] })
      return { id: await assignRole(edit, organisation, role, { column: 'user_id', id: user }), user, role: role.id }
    },
    delete: (input) => unassign(input, 'user_id'),
  }),
  ...implement(api.roleGroups, {
    async list(input) {
      const page = await listAssignments(input, 'group_id')
      return { ...page, results: page.results.map(({ id, group_id, role_id }) => ({ id, group: group_id ?? 0, role: role_id })) }
    },
    async create({ edit, organisation, params, body: { group } }) {
      const role = await requireRole(edit.tx, organisation, params.role)
      if (!(await findGroup(edit.tx, organisation, group))) throw invalid({ group: [unknownId(group)] })
      return { id: await assignRole(edit, organisation, role, { column: 'group_id', id: group }), group, role: role.id }
    },
    delete: (input) => unassign(input, 'group_id'),
  }),
  ...implement(api.roleMasterApiKeys, {
    async list(input) {
      const role = await requireRole(input.db, input.organisation, input.params.role)
      const page = await listAssignments(input, 'master_api_key_id')
      return { ...page, results: page.results.map(({ id, prefix }) => presentKey(role, id, prefix ?? '')) }
    },
    async create({ edit, organisation, params, body }) {
      const role = await requireRole(edit.tx, organisation, params.role)
      const [prefix = ''] = body.master_api_key.split('.', 1)
      const key = await findMasterApiKey(edit.tx, organisation, prefix)
      if (!key) throw invalid({ master_api_key: [unknownId(body.master_api_key)] })
      const reason = `“${key.name}” is an administrator already: make it none first (is_admin: false).`
      if (key.is_admin) throw invalid({ master_api_key: [reason] })
      return presentKey(role, await assignRole(edit, organisation, role, { column: 'master_api_key_id', id: key.id }), key.prefix)
    },
    delete: (input) => unassign(input, 'master_api_key_id'),
  }),
]

interface Listing {
  readonly db: Queryable
  readonly organisation: OrganisationRow
  readonly query: { readonly page: number; readonly page_size: number }
  readonly url: URL
}

async function listRoles({ db, organisation, query, url }: Listing, of?: { column: Assignee; id: number }) {
  const { rows, count } = await pageRoles(db, organisation, { ...(of && { of }), range: slice(query) })
  return pageOf(url, query, { count, results: rows.map(present) })
}

async function listAssignments({ db, organisation, query, url, params }: Listing & { params: { role: number } }, column: Assignee) {
  const role = await requireRole(db, organisation, params.role)
  const { rows, count } = await pageAssignments(db, role, column, slice(query))
  return pageOf(url, query, { count, results: rows })
}

interface Unassigning {
  readonly edit: Edit
  readonly organisation: OrganisationRow
  readonly params: { readonly role: number; readonly assignment: number }
}

async function unassign({ edit, organisation, params }: Unassigning, column: Assignee): Promise<void> {
  const role = await requireRole(edit.tx, organisation, params.role)
  await unassignRole(edit, organisation, role, { column, id: params.assignment })
}

const presentKey = (role: RoleRow, id: number, prefix: string) => ({
  id,
  master_api_key: prefix,
  role: role.id,
  role_name: role.name,
})

const present = ({ id, organisation_id, name, description, tags }: RoleRow): Reply<typeof api.roles.get> => ({
  id,
  organisation: organisation_id,
  name,
  description,
  tags,
})
