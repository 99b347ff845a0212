import type { Selectable } from 'kysely'
import * as z from 'zod'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import type { GrantsTable } from '../runtime/tables.ts'

type StoredGrant = Selectable<GrantsTable>

/** Permissions by key, with the tags they are for; none: for all. */
export type Granted = Readonly<Record<string, readonly number[]>>

export interface GrantRow extends Omit<StoredGrant, 'permissions'> {
  readonly permissions: Granted
}

/** Exactly where something is granted; in an organisation, a project or an environment of it. */
export interface GrantPlace {
  readonly organisation: Pick<OrganisationRow, 'id'>
  readonly project?: { readonly id: number; readonly organisation_id: number } | undefined
  readonly environment?: { readonly id: number; readonly project_id: number } | undefined
}

export type HolderKind = 'user' | 'group' | 'role'

const stored = z.record(z.string(), z.array(z.int()))
export const readGrant = (row: StoredGrant): GrantRow => ({ ...row, permissions: stored.parse(row.permissions) })

const holderColumns = { user: 'user_id', group: 'group_id', role: 'role_id' } as const

export const grantsAt = (db: Queryable, { organisation, project, environment }: GrantPlace, kind: HolderKind) =>
  db
    .selectFrom('grants')
    .where('grants.organisation_id', '=', organisation.id)
    .where('grants.project_id', project ? '=' : 'is', project?.id ?? null)
    .where('grants.environment_id', environment ? '=' : 'is', environment?.id ?? null)
    .where(`grants.${holderColumns[kind]}`, 'is not', null)

/** What was granted to people there, with who they are. */
export async function listUserGrants(db: Queryable, place: GrantPlace, only: { user?: number | undefined; id?: number }) {
  const rows = await grantsAt(db, place, 'user')
    .innerJoin('users', 'users.id', 'grants.user_id')
    .selectAll('grants')
    .select(['users.email', 'users.first_name', 'users.last_name', 'users.uuid', 'users.signed_in_at'])
    .$if(only.user !== undefined, (grants) => grants.where('grants.user_id', '=', only.user ?? 0))
    .$if(only.id !== undefined, (grants) => grants.where('grants.id', '=', only.id ?? 0))
    .orderBy('grants.id')
    .execute()
  return rows.map((row) => ({ ...row, permissions: stored.parse(row.permissions) }))
}

export async function listGroupGrants(db: Queryable, place: GrantPlace, only: { group?: number | undefined; id?: number }) {
  const rows = await grantsAt(db, place, 'group')
    .innerJoin('groups', 'groups.id', 'grants.group_id')
    .selectAll('grants')
    .select('groups.name')
    .$if(only.group !== undefined, (grants) => grants.where('grants.group_id', '=', only.group ?? 0))
    .$if(only.id !== undefined, (grants) => grants.where('grants.id', '=', only.id ?? 0))
    .orderBy('grants.id')
    .execute()
  return rows.map((row) => ({ ...row, permissions: stored.parse(row.permissions) }))
}
