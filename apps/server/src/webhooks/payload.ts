import type { FeatureValue } from '@halyard/contract'
import { sql } from 'kysely'
import * as z from 'zod'
import type { Queryable } from '../access/rows.ts'
import { getChange, type AuditRecord, type AuditRowWithDetails } from '../audit/queries.ts'
import { differences, presentEntry, relatedType, sentenceOf } from '../audit/rules.ts'
import { typedValue } from '../feature-states/default-states.ts'
import { readFlagAt } from '../feature-versions/queries.ts'
import { identityKey } from '../identities/rules.ts'
import { pythonInstant, pythonJson } from './python-json.ts'
import type { DeliveryRow } from './rules.ts'

/** What a webhook is told of a change: from what the change says was and is, not from what is there by now. */
export async function writeBody(record: AuditRecord, format: string, delivery: DeliveryRow): Promise<string> {
  const change = await getChange(record, delivery.change_id)
  if (format === 'standard') return JSON.stringify(typedEvent(change))
  return pythonJson({ data: await legacyEvent(record.db, delivery, change), event_type: delivery.event_type })
}

function legacyEvent(db: Queryable, delivery: DeliveryRow, change: AuditRowWithDetails) {
  if (delivery.event_type === 'AUDIT_LOG_CREATED') return presentEntry(change)
  return change.type === 'feature_version.published' ? versionEvent(db, change) : flagEvent(db, delivery, change)
}

const typedEvent = (change: AuditRowWithDetails) => ({
  type: change.type,
  timestamp: change.at.toISOString(),
  data: {
    change: change.id,
    log: sentenceOf(change),
    actor: { kind: change.actor_kind, id: change.actor_id, name: change.actor_name, email: change.author?.email ?? null },
    organisation: change.organisation_id,
    project: change.project,
    environment: change.environment && { id: change.environment.id, name: change.environment.name, api_key: change.environment.api_key },
    object: { type: relatedType(change.type), id: change.subject_id, uuid: change.subject_uuid, name: change.subject_name },
    changes: differences(change.before, change.after),
    before: change.before ?? null,
    after: change.after ?? null,
  },
})

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])
const stateRow = z.object({
  feature_id: z.int(),
  environment_id: z.int(),
  segment_id: z.int().nullable(),
  identifier: z.string().nullable(),
  enabled: z.boolean(),
  value: scalar,
  variants: z.array(z.object({ id: z.int(), variant_id: z.int(), weight: z.number() })),
  priority: z.int().optional(),
})
type StateRow = z.output<typeof stateRow>

const featureRow = z.object({ id: z.int(), default_enabled: z.boolean(), initial_value: z.string().nullable() })

async function flagEvent(db: Queryable, delivery: DeliveryRow, change: AuditRowWithDetails) {
  const [before, after] = await statesOf(db, delivery, change)
  const present = async (state: StateRow | undefined) => state && presentState(state, await findNames(db, state))
  const [previous, current] = [await present(before), await present(after)]
  return {
    changed_by: change.author?.email ?? (change.actor_kind === 'api_key' ? change.actor_name : ''),
    timestamp: pythonInstant(change.at),
    new_state: current ?? null,
    ...(previous && { previous_state: previous }),
  }
}

/** The state before and after a change. */
async function statesOf(
  db: Queryable,
  { environment_id: environmentId }: DeliveryRow,
  change: AuditRowWithDetails,
): Promise<[StateRow | undefined, StateRow | undefined]> {
  if (!change.type.startsWith('feature.')) return [stateRow.safeParse(change.before).data, stateRow.safeParse(change.after).data]
  const feature = featureRow.parse(change.after ?? change.before)
  if (environmentId === null) throw new Error(`Change ${change.id} is to be told as of a flag, but of which environment?`)
  if (change.type === 'feature.created') return [undefined, firstState(feature, environmentId)]
  return [await findDefault(db, { featureId: feature.id, environmentId }), undefined]
}

const firstState = (feature: z.output<typeof featureRow>, environmentId: number): StateRow => ({
  feature_id: feature.id,
  environment_id: environmentId,
  segment_id: null,
  identifier: null,
  enabled: feature.default_enabled,
  value: typedValue(feature.initial_value),
  variants: [],
})

// Deleting a feature leaves its states as they were.
async function findDefault(db: Queryable, { featureId, environmentId }: { featureId: number; environmentId: number }) {
  const state = await db
    .selectFrom('feature_states')
    .selectAll()
    .where('feature_id', '=', featureId)
    .where('environment_id', '=', environmentId)
    .where('segment_id', 'is', null)
    .where('identifier', 'is', null)
    .executeTakeFirst()
  return stateRow.safeParse(state).data
}

const versionRow = z.object({
  uuid: z.string(),
  feature_id: z.int(),
  environment_id: z.int(),
  live_from: z.coerce.date(),
  publisher_kind: z.string().nullable(),
  publisher_id: z.int().nullable(),
})

async function versionEvent(db: Queryable, change: AuditRowWithDetails) {
  const version = versionRow.parse(change.after)
  const ids = { environment: { id: version.environment_id }, feature: { id: version.feature_id } }
  const flag = await readFlagAt(db, ids, version.live_from)
  const { feature, values } = await findNames(db, { ...version, segment_id: null })
  const publisherId = version.publisher_kind === 'user' ? version.publisher_id : null
  const publisher = await db
    .selectFrom('users')
    .select(['id', 'email'])
    .where('id', '=', publisherId ?? 0)
    .executeTakeFirst()
  return {
    uuid: version.uuid,
    feature: { id: feature.id, name: feature.name },
    published_by: publisher ?? null,
    feature_states: [flag.default, ...flag.states].map(({ enabled, value, variants }) => ({
      enabled,
      value,
      multivariate_feature_state_values: presentWeights(variants, values),
    })),
  }
}

interface Names {
  readonly feature: {
    readonly id: number
    readonly created_at: string
    readonly default_enabled: boolean
    readonly description: string | null
    readonly initial_value: string | null
    readonly name: string
    readonly type: string
  }
  readonly project: { readonly id: number; readonly name: string }
  readonly environment: { readonly id: number; readonly name: string }
  readonly segment: { readonly id: number; readonly name: string; readonly description: string | null } | null
  readonly priority: number | null
  readonly values: Readonly<Record<string, FeatureValue>>
}

async function findNames(db: Queryable, state: Pick<StateRow, 'feature_id' | 'environment_id' | 'segment_id'>): Promise<Names> {
  const { rows } = await sql<Names>`
    select to_jsonb(f) as feature, jsonb_build_object('id', p.id, 'name', p.name) as project,
           jsonb_build_object('id', e.id, 'name', e.name) as environment,
           case when s.id is not null then jsonb_build_object('id', s.id, 'name', s.name, 'description', s.description) end as segment,
           (select priority from feature_segments t
             where t.environment_id = e.id and t.feature_id = f.id and t.segment_id = s.id) as priority,
           (select coalesce(jsonb_object_agg(v.id, v.value), '{}') from variants v where v.feature_id = f.id) as values
      from features f
      join projects p on p.id = f.project_id
      join environments e on e.id = ${state.environment_id}
      left join segments s on s.id = ${state.segment_id}::integer
     where f.id = ${state.feature_id}`.execute(db)
  const [names] = rows
  if (!names) throw new Error(`There is no feature ${state.feature_id}, or no environment ${state.environment_id}.`)
  return names
}

const presentState = (state: StateRow, { feature, project, environment, segment, priority, values }: Names) => ({
  feature: {
    id: feature.id,
    created_date: pythonInstant(new Date(feature.created_at)),
    default_enabled: feature.default_enabled,
    description: feature.description,
    initial_value: feature.initial_value,
    name: feature.name,
    project,
    type: feature.type,
  },
  environment,
  identity: state.identifier === null ? null : identityKey(state.environment_id, state.identifier).id,
  identity_identifier: state.identifier,
  feature_segment: segment && { segment, priority: state.priority ?? priority },
  enabled: state.enabled,
  feature_state_value: state.value,
  multivariate_feature_state_values: presentWeights(state.variants, values),
})

const presentWeights = (variants: StateRow['variants'], values: Names['values']) =>
  variants.map((each) => ({
    id: each.id,
    multivariate_feature_option: { id: each.variant_id, value: values[each.variant_id] ?? null },
    percentage_allocation: each.weight,
  }))
