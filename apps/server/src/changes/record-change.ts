import { isDeepStrictEqual } from 'node:util'
import { changes, type ChangeType } from '@halyard/contract'
import { sql, type RawBuilder } from 'kysely'
import { actorId } from '../access/actor.ts'
import { enqueue } from '../runtime/jobs.ts'
import type { Edit } from './edit.ts'
import { keysOf, sealPersonal, type IdentityKey } from './personal.ts'
import { reactions, secondsUntil } from './reactions.ts'
import { tellWebhooks } from './tell-webhooks.ts'

/** A change as the command that made it tells it. `before` and `after` are rows, or what is worth remembering of them. */
export interface Change {
  readonly type: ChangeType
  readonly organisation?: { readonly id: number }
  readonly project?: { readonly id: number; readonly organisation_id: number }
  readonly environment?: { readonly id: number; readonly project_id: number }
  readonly subject: number | string
  readonly before?: object
  readonly after?: object
}

/** Told to every process in the transaction that commits: `environment:revision`, comma-separated. A hint; revisions are the truth. */
export const revisionsChannel = 'halyard_revisions'

/**
 * The last step of every command: logs the change, raises revisions, enqueues durable reactions and notifies, all in the edit's
 * transaction. A thing that is after as it was before makes no change, and none of this.
 */
export const recordChange = (edit: Edit, change: Change): Promise<void> => recordChanges(edit, [change])

/** As `recordChange`, for commands that do the same to many things of one place: revisions are raised once for all of them. */
export async function recordChanges(edit: Edit, told: readonly Change[]): Promise<void> {
  const all = told.filter((change) => !isNothing(change))
  if (all.length === 0) return
  const owners = await findOwners(edit, all)
  const recorded = await edit.tx
    .insertInto('changes')
    .values(all.map((change) => rowOf(edit, change, owners.get(change))))
    .returning('id')
    .execute()
  const projects = new Set(all.map(reachOf).flatMap(({ projectId }) => (projectId === null ? [] : [projectId])))
  if (projects.size > 0)
    await edit.tx
      .updateTable('projects')
      .set({ changed_at: edit.at })
      .where('id', 'in', [...projects])
      .execute()
  const touching = new Map(
    all.filter(({ type }) => changes[type].touches !== 'nothing').map((change) => [JSON.stringify([change.type, reachOf(change)]), change]),
  )
  for (const change of touching.values()) await raiseRevisions(edit, change.type, reachOf(change))
  await tellWebhooks(
    edit.tx,
    all.map((change, index) => ({ change, id: recorded[index]?.id ?? 0, ...reachOf(change) })),
  )
  for (const change of all) await enqueueReactions(edit, change, subjectOf(change, owners.get(change)))
}

// Who asks for what there is already changes nothing: nobody has to hear of it. The database agrees, see `leave_unchanged`.
const isNothing = ({ before, after }: Change): boolean => before !== undefined && after !== undefined && isDeepStrictEqual(before, after)

async function enqueueReactions(edit: Edit, change: Change, subject: string): Promise<void> {
  for (const name of reactions[change.type] ?? []) {
    const seconds = secondsUntil[name]
    const runAt = seconds === undefined ? {} : { runAt: new Date(edit.at.getTime() + seconds * 1000) }
    const { projectId, environmentId } = reachOf(change)
    await enqueue(edit.tx, { name, payload: { projectId, environmentId, subject }, ...runAt })
  }
}

const reachOf = (change: Change): Reach => ({
  organisationId: change.organisation?.id ?? change.project?.organisation_id ?? null,
  projectId: change.project?.id ?? change.environment?.project_id ?? null,
  environmentId: change.environment?.id ?? null,
})

const isAboutIdentity = ({ type }: Change): boolean => type.startsWith('identity.')

/** The identities that changes are about: of those the record keeps nothing personal that can be read without a key. */
async function findOwners(edit: Edit, all: readonly Change[]): Promise<ReadonlyMap<Change, IdentityKey>> {
  const owners = new Map<Change, IdentityKey>()
  for (const environmentId of new Set(all.map(({ environment }) => environment?.id))) {
    const about = all.filter((change) => change.environment?.id === environmentId && identifierOf(change) !== undefined)
    if (environmentId === undefined || about.length === 0) continue
    const keys = await keysOf(edit, { environmentId, identifiers: about.flatMap((change) => identifierOf(change) ?? []) })
    for (const change of about) {
      const owner = keys.get(identifierOf(change) ?? '')
      if (owner) owners.set(change, owner)
    }
  }
  return owners
}

function identifierOf(change: Change): string | undefined {
  if (isAboutIdentity(change)) return String(change.subject)
  const row = change.after ?? change.before ?? {}
  const isOverride = change.type.startsWith('identity_override.')
  return isOverride && 'identifier' in row && typeof row.identifier === 'string' ? row.identifier : undefined
}

const subjectOf = (change: Change, owner: IdentityKey | undefined): string =>
  owner && isAboutIdentity(change) ? owner.pseudonym : String(change.subject)

function rowOf(edit: Edit, change: Change, owner: IdentityKey | undefined) {
  const { organisationId, projectId, environmentId } = reachOf(change)
  return {
    at: edit.at,
    type: change.type,
    organisation_id: organisationId,
    project_id: projectId,
    environment_id: environmentId,
    subject_id: subjectOf(change, owner),
    subject_name: nameOf(change),
    actor_kind: edit.actor.kind,
    actor_id: actorId(edit.actor),
    actor_name: edit.actor.name,
    request_id: edit.origin.requestId,
    address: edit.origin.address,
    before: remember(change, change.before, owner),
    after: remember(change, change.after, owner),
  }
}

// What the thing is called in the log, even when it is called something else later, or gone. A state has no name but its feature's.
function nameOf({ before, after }: Change): RawBuilder<string | null> {
  const row = new Map<string, unknown>(Object.entries(after ?? before ?? {}))
  const name = nameColumns.map((column) => row.get(column)).find((text) => typeof text === 'string' && text !== '')
  if (name !== undefined) return sql`${name}`
  const featureId = row.get('feature_id')
  return typeof featureId === 'number' ? sql`(select name from features where id = ${featureId})` : sql`null`
}

const nameColumns = ['name', 'label', 'title', 'email', 'url', 'trait_key']

// What nobody needs to read again must not be in the log either.
const secretColumns = new Set(['password_hash', 'hashed_key', 'token_hash', 'code_hash', 'sealed_secret', 'sealed_former_secret'])

function remember(change: Change, row: object | undefined, owner: IdentityKey | undefined): string | null {
  if (!row) return null
  const kept = Object.fromEntries(Object.entries(row).filter(([column]) => !secretColumns.has(column)))
  return JSON.stringify(owner ? sealPersonal(owner, kept, isAboutIdentity(change)) : kept)
}

interface Reach {
  readonly organisationId: number | null
  readonly projectId: number | null
  readonly environmentId: number | null
}

async function raiseRevisions(edit: Edit, type: ChangeType, reach: Reach): Promise<void> {
  const { touches, streams } = changes[type]
  const raised = await sql<{ environment_id: number; revision: number }>`
    update environment_revisions as r
       set revision = r.revision + 1,
           previous_updated_at = case when ${touches === 'document'} and r.updated_at < ${edit.at} then r.updated_at else r.previous_updated_at end,
           updated_at = case when ${touches === 'document'} then ${edit.at} else r.updated_at end,
           streamed_at = case when ${streams} then ${edit.at} else r.streamed_at end
      from environments e join projects p on p.id = e.project_id
     where e.id = r.environment_id
       and (e.id = ${reach.environmentId}
            or ${reach.environmentId}::integer is null and p.id = ${reach.projectId}
            or ${reach.environmentId}::integer is null and ${reach.projectId}::integer is null and p.organisation_id = ${reach.organisationId})
    returning r.environment_id, r.revision`.execute(edit.tx)
  if (reach.projectId === null && reach.organisationId !== null) {
    await edit.tx.updateTable('projects').set({ changed_at: edit.at }).where('organisation_id', '=', reach.organisationId).execute()
  }
  for (const row of raised.rows) edit.raised.set(row.environment_id, row.revision)
  await notifyRevisions(edit, raised.rows)
}

// A notification holds less than 8 000 bytes; 200 pairs are far below.
async function notifyRevisions(edit: Edit, rows: readonly { environment_id: number; revision: number }[]): Promise<void> {
  for (let start = 0; start < rows.length; start += 200) {
    const payload = rows.slice(start, start + 200).map((row) => `${row.environment_id}:${row.revision}`)
    await sql`select pg_notify(${revisionsChannel}, ${payload.join(',')})`.execute(edit.tx)
  }
}
