import { sql } from 'kysely'
import * as z from 'zod'
import type { EnvironmentRow, Queryable } from '../access/rows.ts'
import { personOfChange } from '../changes/personal.ts'
import { recordChange } from '../changes/record-change.ts'
import { removeIdentity, type IdentityMeans, type Place } from '../identities/commands.ts'
import { forgetIdentity } from '../identities/project-search.ts'
import { identityKey } from '../identities/rules.ts'
import type { Database } from '../runtime/database.ts'

/**
 * From the commit of this edit on nobody can read in the record whom it was about, and no override counts. The identity itself is
 * removed right after it, so that who comes again is somebody new; the rest is for the job that the edit enqueues.
 */
export async function eraseIdentity(
  { inEdit, identities }: Omit<IdentityMeans, 'at'>,
  { project, environment }: Place,
  { identifier }: { readonly identifier: string },
): Promise<void> {
  await inEdit(async (edit) => {
    await recordChange(edit, { type: 'identity.erased', project, environment, subject: identifier })
    const { pseudonym } = await edit.tx
      .updateTable('identity_keys')
      .set({ sealed_key: null, erased_at: edit.at })
      .where('environment_id', '=', environment.id)
      .where('identifier', '=', identifier)
      .where('sealed_key', 'is not', null)
      .returning('pseudonym')
      .executeTakeFirstOrThrow()
    const overrides = await edit.tx
      .deleteFrom('feature_states')
      .where('environment_id', '=', environment.id)
      .where('identifier', '=', identifier)
      .returning('id')
      .execute()
    if (overrides.length === 0) return
    const before = { overrides: overrides.length }
    await recordChange(edit, { type: 'identity_override.erased', project, environment, subject: pseudonym, before })
  })
  const { bucket } = identityKey(environment.id, identifier)
  await removeIdentity(identities, { environment_id: environment.id, bucket, identifier })
}

interface Stores {
  readonly control: Database
  readonly identities: Database
}

interface Erased {
  readonly pseudonym: string
  readonly identifier: string
  readonly erasedAt: Date
  readonly environment: Pick<EnvironmentRow, 'id' | 'project_id'>
}

const erasure = z.object({ subject: z.string() })

/**
 * The job that follows. It may stop anywhere and be run again: what names the person goes last. Whatever came after the erasure is
 * of somebody new, and stays.
 */
export async function finishErasure(means: Stores, payload: unknown): Promise<void> {
  const { control, identities } = means
  const person = await findErased(control.db, erasure.parse(payload).subject)
  if (!person) return
  const { environment, identifier, erasedAt, pseudonym } = person
  await forgetIdentity(identities, identityKey(environment.id, identifier), erasedAt)
  await forgetEvents(control.db, person)
  await sql`
    delete from webhook_deliveries
     where change_id in (select c.id from changes c where ${personOfChange} = ${pseudonym})`.execute(control.db)
  await forgetHistory(control.db, person)
  await control.db.deleteFrom('identity_keys').where('pseudonym', '=', pseudonym).execute()
}

async function findErased(db: Queryable, pseudonym: string): Promise<Erased | undefined> {
  const key = await db.selectFrom('identity_keys').selectAll().where('pseudonym', '=', pseudonym).executeTakeFirst()
  if (!key?.erased_at) return undefined
  const environment = await db
    .selectFrom('environments')
    .select(['id', 'project_id'])
    .where('id', '=', key.environment_id)
    .executeTakeFirst()
  return environment && { pseudonym, identifier: key.identifier, erasedAt: key.erased_at, environment }
}

const rowsAtOnce = 5000

// Those were received by the clocks of other machines: somebody new loses at most what they did in their first minute.
async function forgetEvents(db: Queryable, { environment, identifier, erasedAt }: Erased): Promise<void> {
  for (;;) {
    const { numAffectedRows } = await sql`
      delete from sdk_events where id in (
        select id from sdk_events
         where environment_id = ${environment.id} and identifier = ${identifier} and received_at < ${erasedAt}::timestamptz + interval '1 minute'
         limit ${rowsAtOnce})`.execute(db)
    if (Number(numAffectedRows ?? 0) < rowsAtOnce) return
  }
}

/** Documents of the past are built from the history: it keeps what the overrides were, and not whose. */
const forgetHistory = (db: Queryable, { pseudonym, identifier, erasedAt, environment }: Erased) =>
  sql`
    update document_history set body = jsonb_set(body, '{identifier}', to_jsonb(${pseudonym}::text))
     where project_id = ${environment.project_id} and environment_id = ${environment.id} and kind = 'feature_state'
       and body ->> 'identifier' = ${identifier} and from_at < ${erasedAt}`.execute(db)
