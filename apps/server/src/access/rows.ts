import type { Kysely, Selectable, Transaction } from 'kysely'
import type { EnvironmentsTable, OrganisationsTable, ProjectsTable, Tables } from '../runtime/tables.ts'

export type OrganisationRow = Selectable<OrganisationsTable>
export type ProjectRow = Selectable<ProjectsTable>
export type EnvironmentRow = Selectable<EnvironmentsTable>

/** The pool, or an open transaction: whatever a query can run on. */
export type Queryable = Kysely<Tables> | Transaction<Tables>

/** The rows an endpoint works within, from its level up. */
export interface ScopeRows {
  readonly organisation?: OrganisationRow
  readonly project?: ProjectRow
  readonly environment?: EnvironmentRow
}
