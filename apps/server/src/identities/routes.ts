import { api, invalid, notFound, unknownId, type Reply } from '@halyard/contract'
import { implement, type Route } from '../http/implement.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createIdentity, deleteIdentities, updateIdentity } from './commands.ts'
import { listIdentitiesById, requireIdentity, type IdentityRow } from './queries.ts'
import type { IdentityStore } from './remember-identity.ts'
import { listIdentities } from './search-queries.ts'

export const identityRoutes = ({ identities: { db: identities }, now }: Runtime, store: IdentityStore): Route[] =>
  implement(api.identities, {
    async list({ environment, query, url }) {
      if (query.page > 1 && query.cursor === '') throw notFound('Invalid page. Identities are listed by cursor: follow “next”.')
      const { rows, next, count } = await listIdentities(identities, environment.id, {
        q: query.q,
        after: query.cursor,
        limit: query.page_size,
      })
      return {
        count,
        next: next === undefined ? null : linkAfter(url, next),
        previous: null,
        results: rows.map((row) => ({ ...row, environment: environment.id })),
      }
    },
    async create({ environment, project, body, inEdit }) {
      return present(await createIdentity({ inEdit, identities, at: now() }, { project, environment }, body.identifier))
    },
    async get({ environment, params }) {
      return present(await requireIdentity(identities, environment, params.identity))
    },
    async update({ environment, project, params, body, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      if (body.dashboard_alias === undefined || body.dashboard_alias === identity.dashboard_alias) return present(identity)
      const change = { identity, alias: body.dashboard_alias }
      return present(await updateIdentity({ inEdit, identities, at: now() }, { project, environment }, change))
    },
    async bulkDelete({ environment, project, body, inEdit }) {
      const found = await listIdentitiesById(identities, environment, body.ids)
      const known = new Set(found.map(({ id }) => id))
      const unknown = body.ids.filter((id) => !known.has(id))
      if (unknown.length > 0) throw invalid({ ids: unknown.map(unknownId) })
      await deleteIdentities({ inEdit, identities }, { project, environment }, found)
      for (const { identifier } of found) store.forget(environment.id, identifier)
      return undefined
    },
    async delete({ environment, project, params, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      await deleteIdentities({ inEdit, identities }, { project, environment }, [identity])
      store.forget(environment.id, identity.identifier)
      return undefined
    },
  })

const present = (identity: IdentityRow): Reply<typeof api.identities.get> => ({
  id: identity.id,
  identifier: identity.identifier,
  dashboard_alias: identity.dashboard_alias,
  environment: identity.environment_id,
})

function linkAfter(url: URL, identifier: string): string {
  const link = new URL(url)
  link.searchParams.delete('page')
  link.searchParams.set('cursor', identifier)
  return link.href
}
