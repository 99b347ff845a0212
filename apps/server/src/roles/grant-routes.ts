import { api, notFound } from '@halyard/contract'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import type { GrantContent } from '../grants/commands.ts'
import type { GrantRow } from '../grants/queries.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { createRoleGrant, deleteRoleGrant, updateRoleGrant } from './commands.ts'
import { findRoleGrant, pageRoleGrants, requireRole, type RoleLevel } from './queries.ts'

/** What roles allow in organisations, projects and environments. */
export const roleGrantRoutes = (): Route[] => [
  ...implement(api.roleOrganisationPermissions, endpoints('organisation', contentOfKeys, presentKeys)),
  ...implement(api.roleProjectPermissions, endpoints('project', contentOf, presentInProject)),
  ...implement(api.roleEnvironmentPermissions, endpoints('environment', contentOf, presentInEnvironment)),
]

interface Scope {
  readonly organisation: OrganisationRow
  readonly params: { readonly role: number }
}
interface One {
  readonly params: { readonly role: number; readonly grant: number }
}
interface Listing extends Scope {
  readonly db: Queryable
  readonly url: URL
  readonly query: {
    readonly page: number
    readonly page_size: number
    readonly project?: number | undefined
    readonly environment?: number | undefined
  }
}
interface Place {
  readonly project?: number
  readonly environment?: number
}
type Writing<Written> = Scope & One & { readonly edit: Edit; readonly body: Written }

function endpoints<Written, Row>(level: RoleLevel, content: (written: Written) => GrantContent, present: (row: GrantRow) => Row) {
  const change = async ({ edit, organisation, params, body }: Writing<Written>) => {
    const role = await requireRole(edit.tx, organisation, params.role)
    return present(await updateRoleGrant(edit, organisation, { role, level, id: params.grant }, content(body)))
  }
  return {
    async list({ db, organisation, params, query, url }: Listing) {
      const role = await requireRole(db, organisation, params.role)
      const { rows, count } = await pageRoleGrants(db, role, level, { only: query, range: slice(query) })
      return pageOf(url, query, { count, results: rows.map(present) })
    },
    async create({ edit, organisation, params, body }: Scope & { edit: Edit; body: Written & Place }) {
      const role = await requireRole(edit.tx, organisation, params.role)
      return present(await createRoleGrant(edit, organisation, role, { ...content(body), place: placeIn(body) }))
    },
    async get({ db, organisation, params }: Scope & One & { db: Queryable }) {
      const role = await requireRole(db, organisation, params.role)
      const row = await findRoleGrant(db, role, level, params.grant)
      if (!row) throw notFound()
      return present(row)
    },
    update: change,
    replace: change,
    async delete({ edit, organisation, params }: Scope & One & { edit: Edit }) {
      const role = await requireRole(edit.tx, organisation, params.role)
      await deleteRoleGrant(edit, organisation, { role, level, id: params.grant })
      return undefined
    },
  }
}

const placeIn = ({ project, environment }: Place): Place => ({
  ...(project !== undefined && { project }),
  ...(environment !== undefined && { environment }),
})

interface WrittenGrant {
  readonly permissions: readonly { readonly permission_key: string; readonly tags: readonly number[] }[]
  readonly admin?: boolean | undefined
}

const contentOf = ({ permissions, admin }: WrittenGrant): GrantContent => ({
  permissions: Object.fromEntries(permissions.map(({ permission_key: key, tags }) => [key, tags])),
  isAdmin: admin,
})

const contentOfKeys = ({ permissions }: { readonly permissions: readonly string[] }): GrantContent => ({
  permissions: Object.fromEntries(permissions.map((key): [string, number[]] => [key, []])),
})

const presentKeys = ({ id, role_id, permissions }: GrantRow) => ({ id, role: role_id ?? 0, permissions: Object.keys(permissions) })

const presentScoped = ({ id, role_id, permissions, is_admin }: GrantRow) => ({
  id,
  role: role_id ?? 0,
  permissions: Object.entries(permissions).map(([key, tags]) => ({ permission_key: key, tags: [...tags] })),
  admin: is_admin,
})
const presentInProject = (row: GrantRow) => ({ ...presentScoped(row), project: row.project_id ?? 0 })
const presentInEnvironment = (row: GrantRow) => ({ ...presentScoped(row), environment: row.environment_id ?? 0 })
