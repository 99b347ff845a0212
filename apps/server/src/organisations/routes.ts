import { api, type Reply } from '@halyard/contract'
import type { Actor } from '../access/actor.ts'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { createOrganisation, deleteOrganisation, updateOrganisation } from './commands.ts'
import { findMemberships, listOrganisations, type Membership } from './queries.ts'

export const organisationRoutes = (): Route[] =>
  implement(api.organisations, {
    async list({ db, actor, query, url }) {
      const { rows, count } = await listOrganisations(db, actor, slice(query))
      return pageOf(url, query, { count, results: await presentAll(db, actor, rows) })
    },
    async create({ edit, actor, body }) {
      const organisation = await createOrganisation(edit, actor, body.name)
      return presentOrganisation(edit.tx, actor, organisation)
    },
    get: ({ db, actor, organisation }) => presentOrganisation(db, actor, organisation),
    getByUuid: ({ db, actor, organisation }) => presentOrganisation(db, actor, organisation),
    async update({ edit, actor, organisation, body }) {
      return presentOrganisation(edit.tx, actor, await updateOrganisation(edit, organisation, body))
    },
    async replace({ edit, actor, organisation, body }) {
      return presentOrganisation(edit.tx, actor, await updateOrganisation(edit, organisation, body))
    },
    delete: ({ edit, organisation }) => deleteOrganisation(edit, organisation),
  })

async function presentAll(db: Queryable, actor: Actor, rows: readonly OrganisationRow[]) {
  const memberships = await findMemberships(db, actor, rows)
  return rows.map((row) => present(row, memberships.get(row.id)))
}

export async function presentOrganisation(db: Queryable, actor: Actor, row: OrganisationRow) {
  const memberships = await findMemberships(db, actor, [row])
  return present(row, memberships.get(row.id))
}

function present(row: OrganisationRow, membership: Membership | undefined): Reply<typeof api.organisations.get> {
  const { created_at, deleted_at: _deleted, ...rest } = row
  return {
    ...rest,
    created_date: created_at.toISOString(),
    num_seats: membership?.seats ?? 0,
    role: membership?.role ?? null,
    block_access_to_admin: false,
    subscription: null,
  }
}
