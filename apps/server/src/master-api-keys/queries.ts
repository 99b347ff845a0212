import type { Selectable } from 'kysely'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import type { MasterApiKeysTable } from '../runtime/tables.ts'

export type MasterApiKeyRow = Selectable<MasterApiKeysTable>

/** The keys that can still be used, or could until they expired; not those that trust relationships act as. */
const usable = (db: Queryable, organisation: Pick<OrganisationRow, 'id'>) =>
  db
    .selectFrom('master_api_keys')
    .where('organisation_id', '=', organisation.id)
    .where('revoked_at', 'is', null)
    .where('deleted_at', 'is', null)
    .where('id', 'not in', (keys) => keys.selectFrom('trust_relationships').select('master_api_key_id'))

export async function listMasterApiKeys(db: Queryable, organisation: OrganisationRow, range: { offset: number; limit: number }) {
  const [rows, total] = await Promise.all([
    usable(db, organisation).selectAll().orderBy('id').offset(range.offset).limit(range.limit).execute(),
    usable(db, organisation)
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

export const findMasterApiKey = (db: Queryable, organisation: OrganisationRow, prefix: string): Promise<MasterApiKeyRow | undefined> =>
  usable(db, organisation).selectAll().where('prefix', '=', prefix).executeTakeFirst()

export const findMasterApiKeyForUpdate = (
  db: Queryable,
  organisation: OrganisationRow,
  prefix: string,
): Promise<MasterApiKeyRow | undefined> =>
  usable(db, organisation).selectAll().where('prefix', '=', prefix).forNoKeyUpdate().executeTakeFirst()
