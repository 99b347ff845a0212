import { api, type Reply } from '@halyard/contract'
import { implement, type Route } from '../http/implement.ts'
import { slice } from '../http/pages.ts'
import { leaveOrganisation, removeMembers, updateRole } from './commands.ts'
import { listMembers, type Member } from './queries.ts'

export const memberRoutes = (): Route[] =>
  implement(api.members, {
    async list({ db, actor, organisation, query: { search, exclude_current: exceptSelf, page, page_size: size } }) {
      const except = exceptSelf && actor.kind === 'user' ? actor.id : undefined
      const range = size === undefined ? undefined : slice({ page, page_size: size })
      return (await listMembers(db, organisation, { search, except, range })).map(present)
    },
    updateRole: async ({ edit, organisation, params, body }) => present(await updateRole(edit, organisation, params.user, body.role)),
    async remove({ edit, organisation, body }) {
      const users = [...new Set(body.map(({ id }) => id))]
      await removeMembers(edit, organisation, users)
      return users.map((id) => ({ id }))
    },
    leave: ({ edit, actor, organisation }) => leaveOrganisation(edit, actor, organisation),
  })

function present({ joined_at, signed_in_at, role, ...person }: Member): Reply<typeof api.members.updateRole> {
  return {
    ...person,
    role: role === 'ADMIN' ? 'ADMIN' : 'USER',
    last_login: signed_in_at?.toISOString() ?? null,
    date_joined: joined_at.toISOString(),
  }
}
