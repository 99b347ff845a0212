import { changes, type ChangeType } from '@halyard/contract'
import { sql, type Transaction } from 'kysely'
import { jobsChannel } from '../runtime/jobs.ts'
import type { Tables } from '../runtime/tables.ts'
import type { JobName } from './reactions.ts'
import type { Change } from './record-change.ts'

interface Told {
  readonly id: number
  readonly change: Change
  readonly organisationId: number | null
  readonly projectId: number | null
  readonly environmentId: number | null
}

type FlagEvent = 'FLAG_UPDATED' | 'FLAG_DELETED' | 'NEW_VERSION_PUBLISHED'

// Of these Flagsmith's webhooks are told as of flags; of everything else only as of entries in the audit log.
const flagEvents: Partial<Record<ChangeType, FlagEvent>> = {
  'feature.created': 'FLAG_UPDATED',
  'feature.deleted': 'FLAG_DELETED',
  'feature_state.updated': 'FLAG_UPDATED',
  'segment_override.created': 'FLAG_UPDATED',
  'segment_override.updated': 'FLAG_UPDATED',
  'segment_override.deleted': 'FLAG_DELETED',
  'identity_override.created': 'FLAG_UPDATED',
  'identity_override.updated': 'FLAG_UPDATED',
  'identity_override.deleted': 'FLAG_DELETED',
  'feature_version.published': 'NEW_VERSION_PUBLISHED',
}

/**
 * Puts what webhooks are to be told into their queues, in the transaction of the edit. Jobs without a key, unlike `enqueue` with one:
 * edits that tell the same webhook must not wait for each other.
 */
export async function tellWebhooks(tx: Transaction<Tables>, all: readonly Told[]): Promise<void> {
  const told = all.filter(({ organisationId }) => organisationId !== null).map(rowOf)
  if (told.length === 0) return
  const job: JobName = 'deliver_webhook'
  await sql`
    with told as (
      select * from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as t (
        id bigint, type text, organisation_id integer, project_id integer, environment_id integer, flag_event text, touches_flags boolean)
    ), events as (
      select w.id as webhook_id, t.id as change_id, t.flag_event as event_type, e.id as environment_id
        from told t
        join environments e on t.flag_event is not null and (e.id = t.environment_id or t.environment_id is null and e.project_id = t.project_id)
        join webhooks w on w.enabled and w.format = 'flagsmith' and w.organisation_id = t.organisation_id
         and (w.environment_id = e.id or w.environment_id is null and t.flag_event <> 'NEW_VERSION_PUBLISHED')
       where e.deleted_at is null
      union all
      select w.id, t.id, 'AUDIT_LOG_CREATED', t.environment_id
        from told t
        join webhooks w on w.enabled and w.format = 'flagsmith' and w.organisation_id = t.organisation_id and w.environment_id is null
      union all
      select w.id, t.id, t.type, t.environment_id
        from told t
        join webhooks w on w.enabled and w.format = 'standard' and w.organisation_id = t.organisation_id
         and (w.environment_id is null or w.environment_id = t.environment_id
              or t.environment_id is null and t.touches_flags and w.project_id = t.project_id)
    ), planned as (
      insert into webhook_deliveries (webhook_id, change_id, event_type, environment_id)
      select webhook_id, change_id, event_type, environment_id from events order by change_id, event_type desc, environment_id
      returning webhook_id
    ), enqueued as (
      insert into jobs (name, payload)
      select ${job}, jsonb_build_object('webhookId', webhook_id) from planned group by webhook_id
      returning id
    )
    select pg_notify(${jobsChannel}, '') from enqueued limit 1`.execute(tx)
}

const rowOf = ({ id, change, organisationId, projectId, environmentId }: Told) => ({
  id,
  type: change.type,
  organisation_id: organisationId,
  project_id: projectId,
  environment_id: environmentId,
  flag_event: flagEventOf(change),
  touches_flags: changes[change.type].touches === 'document',
})

function flagEventOf({ type, before, after }: Change): FlagEvent | null {
  // A place among the overrides has no state until it is given one.
  const isPlace = type.startsWith('segment_override.') && !('enabled' in (after ?? before ?? {}))
  return (!isPlace && flagEvents[type]) || null
}
