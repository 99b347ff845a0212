import { createHash } from 'node:crypto'
import { sql, type Transaction } from 'kysely'
import type { Config } from '../runtime/config.ts'
import type { Database } from '../runtime/database.ts'
import { signText } from '../runtime/secrets.ts'
import type { Tables } from '../runtime/tables.ts'

export interface ChainEnd {
  readonly length: number
  readonly hash: Buffer
}

/** Before the first entry. */
export const chainStart: ChainEnd = { length: 0, hash: Buffer.alloc(32) }

export const nextLink = (end: ChainEnd, digest: Uint8Array): ChainEnd => ({
  length: end.length + 1,
  hash: createHash('sha256').update(end.hash).update(digest).digest(),
})

/** What is signed of the end of a chain. */
export const endToSign = (organisationId: number, { length, hash }: ChainEnd): string =>
  `${organisationId}:${length}:${hash.toString('hex')}`

const batch = 1000

/**
 * Chains what was recorded since, in transactions of its own: chaining inside edits would have them wait for each other. Chains grow
 * in the order in which they are sealed, because an edit that began earlier may commit later.
 */
export async function sealChanges({ control, config }: { control: Database; config: Config }): Promise<void> {
  for (let sealed = batch; sealed === batch;) sealed = await control.transaction((tx) => sealBatch(tx, config))
}

interface Unsealed {
  readonly id: number
  readonly organisation_id: number
  readonly digest: Buffer
}

async function sealBatch(tx: Transaction<Tables>, config: Config): Promise<number> {
  await sql`select pg_advisory_xact_lock(hashtext('halyard seals'))`.execute(tx)
  const { rows } = await sql<Unsealed>`
    select c.id, coalesce(c.organisation_id, 0) as organisation_id, change_digest(c) as digest
      from unsealed_changes u join changes c on c.id = u.change_id
     order by c.id limit ${batch}`.execute(tx)
  if (rows.length === 0) return 0
  const ends = new Map<number, ChainEnd>()
  const organisations = [...new Set(rows.map((row) => row.organisation_id))]
  const chains = await tx.selectFrom('change_chains').selectAll().where('organisation_id', 'in', organisations).execute()
  for (const { organisation_id: organisation, length, hash } of chains) ends.set(organisation, { length, hash })
  const seals = rows.map((row) => {
    const end = nextLink(ends.get(row.organisation_id) ?? chainStart, row.digest)
    ends.set(row.organisation_id, end)
    return { organisation_id: row.organisation_id, position: end.length, change_id: row.id, hash: end.hash }
  })
  await tx.insertInto('change_seals').values(seals).execute()
  const grown = [...ends].map(([organisation, end]) => ({
    organisation_id: organisation,
    ...end,
    signature: signText(config, endToSign(organisation, end)),
  }))
  await tx
    .insertInto('change_chains')
    .values(grown)
    .onConflict((conflict) =>
      conflict.column('organisation_id').doUpdateSet((set) => ({
        length: set.ref('excluded.length'),
        hash: set.ref('excluded.hash'),
        signature: set.ref('excluded.signature'),
        sealed_at: sql`clock_timestamp()`,
      })),
    )
    .execute()
  const ids = rows.map(({ id }) => id)
  await sql`delete from unsealed_changes where change_id = any(${ids}::bigint[])`.execute(tx)
  return rows.length
}
