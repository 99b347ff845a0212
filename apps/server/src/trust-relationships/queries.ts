import * as z from 'zod'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import type { ClaimRule } from './rules.ts'

const claimRules = z.array(z.object({ claim: z.string(), values: z.array(z.string()) }))

export type TrustRelationship = ReturnType<typeof readOne>

const visible = (db: Queryable) =>
  db
    .selectFrom('trust_relationships')
    .innerJoin('master_api_keys', 'master_api_keys.id', 'trust_relationships.master_api_key_id')
    .selectAll('trust_relationships')
    .select('is_admin')

type Row = Awaited<ReturnType<ReturnType<typeof visible>['executeTakeFirstOrThrow']>>

const readOne = (row: Row) => ({ ...row, claim_rules: readRules(row) })
const readRules = (row: Row): ClaimRule[] => claimRules.parse(row.claim_rules)

export async function listTrustRelationships(db: Queryable, { id }: OrganisationRow, range: { offset: number; limit: number }) {
  const [rows, total] = await Promise.all([
    visible(db)
      .where('trust_relationships.organisation_id', '=', id)
      .orderBy('trust_relationships.id')
      .offset(range.offset)
      .limit(range.limit)
      .execute(),
    db
      .selectFrom('trust_relationships')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('organisation_id', '=', id)
      .executeTakeFirstOrThrow(),
  ])
  return { rows: rows.map(readOne), count: total.count }
}

export async function findTrustRelationship(
  db: Queryable,
  organisation: OrganisationRow,
  id: number,
): Promise<TrustRelationship | undefined> {
  const row = await visible(db)
    .where('trust_relationships.id', '=', id)
    .where('trust_relationships.organisation_id', '=', organisation.id)
    .executeTakeFirst()
  return row && readOne(row)
}

/** Those that trust an issuer, for one of these audiences. */
export async function listTrusting(db: Queryable, issuer: string, audiences: readonly string[]): Promise<TrustRelationship[]> {
  if (audiences.length === 0) return []
  const rows = await visible(db)
    .innerJoin('organisations', 'organisations.id', 'trust_relationships.organisation_id')
    .where('issuer', '=', issuer)
    .where('audience', 'in', audiences)
    .where('organisations.deleted_at', 'is', null)
    .execute()
  return rows.map(readOne)
}
