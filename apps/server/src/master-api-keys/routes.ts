import { api, notFound, type Reply } from '@halyard/contract'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { createMasterApiKey, deleteMasterApiKey, updateMasterApiKey } from './commands.ts'
import { findMasterApiKey, listMasterApiKeys, type MasterApiKeyRow } from './queries.ts'

export const masterApiKeyRoutes = (): Route[] =>
  implement(api.masterApiKeys, {
    async list({ db, organisation, query, url }) {
      const { rows, count } = await listMasterApiKeys(db, organisation, slice(query))
      return pageOf(url, query, { count, results: rows.map(present) })
    },
    async create({ edit, organisation, body }) {
      const { row, key } = await createMasterApiKey(edit, organisation, body)
      return { ...present(row), key }
    },
    async get({ db, organisation, params }) {
      const row = await findMasterApiKey(db, organisation, params.prefix)
      if (!row) throw notFound()
      return present(row)
    },
    update: async ({ edit, organisation, params, body }) =>
      present(await updateMasterApiKey(edit, organisation, { ...body, prefix: params.prefix })),
    replace: async ({ edit, organisation, params, body }) =>
      present(await updateMasterApiKey(edit, organisation, { ...body, prefix: params.prefix })),
    delete: ({ edit, organisation, params }) => deleteMasterApiKey(edit, organisation, params.prefix),
  })

const shownHashLength = 16

function present(row: MasterApiKeyRow): Reply<typeof api.masterApiKeys.get> {
  return {
    // As upstream, the prefix and what the secret hashes to; a part of it, because nothing is ever looked up by this id.
    id: `${row.prefix}.${row.hashed_key.toString('hex').slice(0, shownHashLength)}`,
    prefix: row.prefix,
    name: row.name,
    created: row.created_at.toISOString(),
    revoked: row.revoked_at !== null,
    expiry_date: row.expires_at?.toISOString() ?? null,
    is_admin: row.is_admin,
  }
}
