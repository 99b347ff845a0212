import { sql } from 'kysely'
import type { api, Reply } from '@halyard/contract'
import type { Queryable } from '../access/rows.ts'
import { chainStart, endToSign, nextLink, type ChainEnd } from '../changes/seal-changes.ts'
import type { Config } from '../runtime/config.ts'
import { isSignedText } from '../runtime/secrets.ts'

export type Verification = Reply<typeof api.audit.verify>
type Broken = NonNullable<Verification['broken']>

/** Follows the chain of an organisation's record (0: what is of none) and names the first entry that does not fit. */
export async function verifyAudit(db: Queryable, config: Config, organisationId: number): Promise<Verification> {
  const followed = await followChain(db, organisationId)
  const { end } = followed
  const broken = followed.broken ?? (await whyNotEnd(db, config, { organisationId, end })) ?? (await findStray(db, organisationId))
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from unsealed_changes u join changes c on c.id = u.change_id
     where coalesce(c.organisation_id, 0) = ${organisationId}`.execute(db)
  return { intact: broken === null, sealed: end.length, unsealed: rows[0]?.count ?? 0, hash: end.hash.toString('hex'), broken }
}

/** The organisations that have a chain. */
export async function listChains(db: Queryable): Promise<number[]> {
  const rows = await db.selectFrom('change_chains').select('organisation_id').orderBy('organisation_id').execute()
  return rows.map((row) => row.organisation_id)
}

interface Sealed {
  readonly position: number
  readonly change_id: number
  readonly hash: Buffer
  readonly digest: Buffer | null
  readonly is_own: boolean | null
}

const batch = 2000

async function followChain(db: Queryable, organisationId: number): Promise<{ end: ChainEnd; broken: Broken | null }> {
  for (let end = chainStart; ;) {
    const { rows } = await sql<Sealed>`
      select s.position, s.change_id, s.hash, case when c.id is not null then change_digest(c) end as digest,
             coalesce(c.organisation_id, 0) = s.organisation_id as is_own
        from change_seals s left join changes c on c.id = s.change_id
       where s.organisation_id = ${organisationId} and s.position > ${end.length}
       order by s.position limit ${batch}`.execute(db)
    for (const row of rows) {
      const [position, change] = [end.length + 1, row.change_id]
      if (row.position !== position) return { end, broken: { position, change: null, reason: 'The entry and its seal were removed.' } }
      if (row.digest === null) return { end, broken: { position, change, reason: 'The entry was removed.' } }
      const next = nextLink(end, row.digest)
      if (!row.is_own || !next.hash.equals(row.hash)) return { end, broken: { position, change, reason: 'The entry was altered.' } }
      end = next
    }
    if (rows.length < batch) return { end, broken: null }
  }
}

async function whyNotEnd(
  db: Queryable,
  config: Config,
  { organisationId, end }: { organisationId: number; end: ChainEnd },
): Promise<Broken | null> {
  const chain = await db.selectFrom('change_chains').selectAll().where('organisation_id', '=', organisationId).executeTakeFirst()
  const position = end.length + 1
  if (!chain) return end.length === 0 ? null : { position, change: null, reason: 'The end of the chain was removed.' }
  // Sealing may have gone on since.
  if (chain.length < end.length) return { position, change: null, reason: 'The end of the chain was altered.' }
  if (!isSignedText(config, endToSign(organisationId, chain), chain.signature))
    return { position, change: null, reason: 'The end of the chain is not signed with SECRET_KEY, now or before (PREVIOUS_SECRET_KEYS).' }
  const last = await db
    .selectFrom('change_seals')
    .select('hash')
    .where('organisation_id', '=', organisationId)
    .where('position', '=', chain.length)
    .executeTakeFirst()
  return last && chain.hash.equals(last.hash) ? null : { position, change: null, reason: 'Entries at the end were removed.' }
}

async function findStray(db: Queryable, organisationId: number): Promise<Broken | null> {
  const { rows } = await sql<{ id: number }>`
    select c.id from changes c
     where c.organisation_id is not distinct from ${organisationId === 0 ? null : organisationId}::integer
       and not exists (select from change_seals s where s.change_id = c.id)
       and not exists (select from unsealed_changes u where u.change_id = c.id)
     order by c.id limit 1`.execute(db)
  const [stray] = rows
  return stray ? { position: null, change: stray.id, reason: 'The entry was added from outside: it was never to be sealed.' } : null
}
