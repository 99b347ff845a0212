import { identityId } from '@halyard/sdk-api'
import { sql, type Transaction } from 'kysely'
import * as z from 'zod'
import type { Queryable } from '../access/rows.ts'
import { newSecret, seal, unseal, type SecretKeys } from '../runtime/secrets.ts'
import type { Tables } from '../runtime/tables.ts'

/** By what the record knows an identity, and with what it encrypts whatever tells who that is. */
export interface IdentityKey {
  readonly pseudonym: string
  readonly identifier: string
  readonly key: string
}

interface Identified {
  readonly environmentId: number
  readonly identifiers: readonly string[]
}

/** The keys of identities, made where there are none yet; in one order, so that no two wait for each other. */
export async function keysOf(
  { tx, secretKeys }: { readonly tx: Transaction<Tables>; readonly secretKeys: SecretKeys | undefined },
  { environmentId, identifiers }: Identified,
): Promise<ReadonlyMap<string, IdentityKey>> {
  if (!secretKeys) throw new Error('Changes about identities are encrypted, and this database was opened without the keys for it.')
  const wanted = [...new Set(identifiers)].toSorted()
  const find = () =>
    tx
      .selectFrom('identity_keys')
      .select(['pseudonym', 'identifier', 'sealed_key'])
      .where('environment_id', '=', environmentId)
      .where('sealed_key', 'is not', null)
      .where(sql<boolean>`identifier = any(${wanted}::text[])`)
      .execute()
  let found = await find()
  if (found.length < wanted.length) {
    const known = new Set(found.map(({ identifier }) => identifier))
    const missing = wanted.filter((identifier) => !known.has(identifier))
    await tx
      .insertInto('identity_keys')
      .values(
        missing.map((identifier) => ({
          environment_id: environmentId,
          identity_id: identityId(environmentId, identifier),
          identifier,
          sealed_key: seal(secretKeys, newSecret(), keyPurpose),
        })),
      )
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    found = await find()
  }
  return new Map(
    found.map(({ pseudonym, identifier, sealed_key: sealed }) => [
      identifier,
      { pseudonym, identifier, key: unseal(secretKeys, sealed ?? '', keyPurpose) },
    ]),
  )
}

const keyPurpose = 'identity_keys.sealed_key'

// An identity's number is a hash of its identifier: whoever guesses the one finds the other. `id` is that of an identity's row only;
// overrides have one that tells nothing.
const personalColumns = ['identifier', 'dashboard_alias', 'traits', 'trait_value']

/** A row as it is kept: without what tells who it is about, and with that encrypted. */
export function sealPersonal(owner: IdentityKey, row: object, isIdentity: boolean): object {
  const columns = new Set(isIdentity ? [...personalColumns, 'id'] : personalColumns)
  const entries = Object.entries(row)
  const told = JSON.stringify(Object.fromEntries(entries.filter(([column]) => columns.has(column))))
  const personal = { of: owner.pseudonym, sealed: seal(keysFrom(owner.key), told, owner.pseudonym) }
  return { ...Object.fromEntries(entries.filter(([column]) => !columns.has(column))), personal }
}

const keysFrom = (key: string): SecretKeys => ({ secretKey: key, previousSecretKeys: [] })

const sealedRow = z.looseObject({ personal: z.object({ of: z.string(), sealed: z.string() }) })
const opened = z.record(z.string(), z.unknown())

/** What stands in the place of somebody's name once they are erased. */
export const erased = 'erased'

/** Whom a change `c` is about, by pseudonym; there is an index on it. */
export const personOfChange = sql<string | null>`coalesce(c.after #>> '{personal,of}', c.before #>> '{personal,of}')`

/** The same changes with what is personal in them readable; of who was erased only that they were. */
export async function openPersonal<Row extends { readonly before: unknown; readonly after: unknown }>(
  { db, secretKeys }: { readonly db: Queryable; readonly secretKeys: SecretKeys },
  rows: readonly Row[],
): Promise<Row[]> {
  const people = new Set(
    rows.flatMap(({ before, after }) => [before, after]).flatMap((row) => sealedRow.safeParse(row).data?.personal.of ?? []),
  )
  if (people.size === 0) return [...rows]
  const keys = await db
    .selectFrom('identity_keys')
    .select(['pseudonym', 'sealed_key'])
    .where('pseudonym', 'in', [...people])
    .execute()
  const keyOf = new Map(
    keys.flatMap(({ pseudonym, sealed_key: sealed }) =>
      sealed === null ? [] : [[pseudonym, unseal(secretKeys, sealed, keyPurpose)] as const],
    ),
  )
  const open = (row: unknown): unknown => {
    const { data } = sealedRow.safeParse(row)
    if (!data) return row
    const { personal, ...rest } = data
    const key = keyOf.get(personal.of)
    return key === undefined
      ? { ...rest, identifier: erased }
      : { ...rest, ...opened.parse(JSON.parse(unseal(keysFrom(key), personal.sealed, personal.of))) }
  }
  return rows.map((row) => ({ ...row, before: open(row.before), after: open(row.after) }))
}
