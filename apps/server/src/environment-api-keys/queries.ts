import type { Selectable } from 'kysely'
import type { EnvironmentRow, Queryable } from '../access/rows.ts'
import type { EnvironmentApiKeysTable } from '../runtime/tables.ts'

export type EnvironmentApiKeyRow = Selectable<EnvironmentApiKeysTable>

/** The server-side keys of an environment, oldest first. */
export const listEnvironmentApiKeys = (db: Queryable, environment: EnvironmentRow): Promise<EnvironmentApiKeyRow[]> =>
  db.selectFrom('environment_api_keys').selectAll().where('environment_id', '=', environment.id).orderBy('id').execute()
