import { invalid, Problem } from '@halyard/contract'
import { sql } from 'kysely'
import { createHash } from 'node:crypto'
import type { Queryable } from '../access/rows.ts'
import { seal, unseal, type SecretKeys } from '../runtime/secrets.ts'
import type { Database } from '../runtime/database.ts'

/** A POST that carries an `Idempotency-Key`. */
export interface KeyedRequest {
  readonly caller: string
  readonly key: string
  readonly fingerprint: Buffer
}

/** Thrown inside an edit that was done before: it ends without a trace, and the caller gets what was answered then. */
export class AnsweredBefore extends Error {
  override readonly name = 'AnsweredBefore'
  readonly reply: unknown

  constructor(reply: unknown) {
    super('This request was answered before.')
    this.reply = reply
  }
}

const lengthMax = 255
const keptFor = sql`interval '24 hours'`
const purpose = ({ caller, key }: KeyedRequest) => `idempotency_keys.reply ${caller} ${key}`

export function readKeyedRequest(caller: string, key: string, request: { method: string; url: string; body: unknown }): KeyedRequest {
  if (key === '' || key.length > lengthMax)
    throw invalid({ 'Idempotency-Key': [`Use a text of 1 to ${lengthMax} characters, such as a random UUID.`] })
  const text = JSON.stringify([request.method, request.url, request.body ?? null])
  return { caller, key, fingerprint: createHash('sha256').update(text).digest() }
}

/**
 * First in the edit: takes the key, or ends the edit because it was used. Of two requests at once the second waits here until the
 * first has committed, or failed and left no trace.
 */
export async function takeKey(tx: Queryable, request: KeyedRequest, keys: SecretKeys): Promise<void> {
  const { caller, key, fingerprint } = request
  await sql`delete from idempotency_keys where caller = ${caller} and key = ${key} and created_at < clock_timestamp() - ${keptFor}`.execute(
    tx,
  )
  const taken = await sql`
    insert into idempotency_keys (caller, key, fingerprint) values (${caller}, ${key}, ${fingerprint})
    on conflict do nothing returning caller`.execute(tx)
  if (taken.rows.length > 0) return
  const used = await tx
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'reply'])
    .where('caller', '=', caller)
    .where('key', '=', key)
    .executeTakeFirst()
  if (!used) throw new Problem('unavailable', 'The request with this Idempotency-Key has just failed. Send it again.')
  if (!fingerprint.equals(used.fingerprint))
    throw new Problem('conflict', 'This Idempotency-Key was used for another request. Use a new one for each.')
  if (used.reply === null) throw new Problem('conflict', 'This request was done, but how it was answered is not known.')
  const answered: { reply?: unknown } = JSON.parse(unseal(keys, used.reply, purpose(request)))
  throw new AnsweredBefore(answered.reply)
}

/** Last: what the request is answered, for whoever repeats it. */
export async function keepReply(
  db: Queryable,
  request: KeyedRequest,
  { keys, reply }: { keys: SecretKeys; reply: unknown },
): Promise<void> {
  await db
    .updateTable('idempotency_keys')
    .set({ reply: seal(keys, JSON.stringify({ reply }), purpose(request)) })
    .where('caller', '=', request.caller)
    .where('key', '=', request.key)
    .execute()
}

/** The job that ends keys after their day. */
export async function purgeKeys({ db }: Database): Promise<void> {
  await sql`delete from idempotency_keys where created_at < clock_timestamp() - ${keptFor}`.execute(db)
}
