import { api, notFound, type Reply } from '@halyard/contract'
import type { Actor } from '../access/actor.ts'
import { isAllowed } from '../access/decide.ts'
import { findHeld } from '../access/held.ts'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { addToGroup, createGroup, deleteGroup, removeFromGroup, setGroupAdmin, updateGroup } from './commands.ts'
import { findGroup, listGroupMembers, listGroupNames, pageGroups, type GroupFilter, type GroupMember, type GroupRow } from './queries.ts'

export const groupRoutes = (): Route[] =>
  implement(api.groups, {
    async list({ db, actor, organisation, query, url }) {
      const { rows, count } = await pageGroups(db, organisation, await shownTo(db, actor, organisation), slice(query))
      return pageOf(url, query, { count, results: await presentAll(db, rows) })
    },
    async listMine({ db, actor, organisation, query, url }) {
      const { rows, count } = await pageGroups(db, organisation, { of: actor, asAdmin: false }, slice(query))
      return pageOf(url, query, { count, results: rows.map(({ id, name }) => ({ id, name })) })
    },
    listSummaries: ({ db, organisation }) => listGroupNames(db, organisation),
    create: async ({ edit, organisation, body }) => presentOne(edit.tx, await createGroup(edit, organisation, body)),
    get: async ({ db, organisation, params }) => presentOne(db, await findGroup(db, organisation, params.group)),
    update: async ({ edit, organisation, params, body }) => presentOne(edit.tx, await updateGroup(edit, organisation, params.group, body)),
    replace: async ({ edit, organisation, params, body }) => presentOne(edit.tx, await updateGroup(edit, organisation, params.group, body)),
    delete: ({ edit, organisation, params }) => deleteGroup(edit, organisation, params.group),
    addUsers: async ({ edit, organisation, params, body }) =>
      presentOne(edit.tx, await addToGroup(edit, organisation, params.group, body.user_ids)),
    removeUsers: async ({ edit, organisation, params, body }) =>
      presentOne(edit.tx, await removeFromGroup(edit, organisation, params.group, body.user_ids)),
    makeAdmin: async ({ edit, organisation, params }) => presentOne(edit.tx, await setGroupAdmin(edit, organisation, params, true)),
    removeAdmin: async ({ edit, organisation, params }) => presentOne(edit.tx, await setGroupAdmin(edit, organisation, params, false)),
  })

// Others are shown the groups that they administer.
async function shownTo(db: Queryable, actor: Actor, organisation: OrganisationRow): Promise<GroupFilter> {
  const held = await findHeld(db, actor, organisation.id)
  const seesAll = held && isAllowed(held, 'MANAGE_USER_GROUPS', { level: 'organisation' })
  return seesAll ? 'all' : { of: actor, asAdmin: true }
}

type Group = Reply<typeof api.groups.get>

async function presentAll(db: Queryable, groups: readonly GroupRow[]): Promise<Group[]> {
  const members = await listGroupMembers(db, groups)
  return groups.map(({ id, name, is_default, external_id }) => ({
    id,
    name,
    is_default,
    external_id,
    users: members.filter((member) => member.group_id === id).map(presentMember),
  }))
}

async function presentOne(db: Queryable, group: GroupRow | undefined): Promise<Group> {
  const [presented] = group ? await presentAll(db, [group]) : []
  if (!presented) throw notFound()
  return presented
}

const presentMember = ({ group_id: _group, signed_in_at, is_admin, ...person }: GroupMember): Group['users'][number] => ({
  ...person,
  last_login: signed_in_at?.toISOString() ?? null,
  group_admin: is_admin,
})
