import { changes, type api, type ChangeType, type Reply } from '@halyard/contract'
import { isDeepStrictEqual } from 'node:util'
import type { AuditRow, AuditRowWithDetails } from './queries.ts'

type Entry = Reply<typeof api.audit.list>['results'][number]
type Details = Reply<typeof api.audit.get>

// Where existing clients know a thing by another name than ours.
const legacyTypes: Readonly<Record<string, string>> = {
  variant: 'FEATURE',
  segment_override: 'FEATURE_STATE',
  identity_override: 'FEATURE_STATE',
  feature_version: 'EF_VERSION',
}

/** `FEATURE`, `SEGMENT`, … of a change of this type. */
export function relatedType(type: string): string {
  const [noun = ''] = type.split('.', 1)
  return legacyTypes[noun] ?? noun.toUpperCase()
}

const verbs: Readonly<Record<string, Details['change_type']>> = {
  created: 'CREATE',
  updated: 'UPDATE',
  reordered: 'UPDATE',
  deleted: 'DELETE',
  signed_in: 'UNKNOWN',
  signed_out: 'UNKNOWN',
}

/** Kinds of change that are more particular than these change something too. */
export const kindOfChange = (type: string): Details['change_type'] => verbs[type.slice(type.indexOf('.') + 1)] ?? 'UPDATE'

/** “Created a feature: dark_mode”. */
export function sentenceOf({ type, subject_name: name }: Pick<AuditRow, 'type' | 'subject_name'>): string {
  const sentence = isChangeType(type) ? changes[type].sentence : type
  const begun = sentence.charAt(0).toUpperCase() + sentence.slice(1)
  return name === null ? begun : `${begun}: ${name}`
}

// A change of a kind that a later version knew, read after going back to this one.
const isChangeType = (type: string): type is ChangeType => type in changes

// Instants of the writing itself: they tell nothing that the entry does not.
const unremarkable = new Set(['changed_at', 'updated_at', 'version', 'feature_version_id', 'live_from'])

/** What is different after a change, field by field. */
export function differences(before: unknown, after: unknown): Details['change_details'] {
  const [old, current] = [fieldsOf(before), fieldsOf(after)]
  const names = [...new Set([...Object.keys(old), ...Object.keys(current)])]
  return names
    .filter((name) => !unremarkable.has(name) && !isDeepStrictEqual(old[name] ?? null, current[name] ?? null))
    .map((field) => ({ field, old: old[field] ?? null, new: current[field] ?? null }))
}

const fieldsOf = (row: unknown): Readonly<Record<string, unknown>> => (typeof row === 'object' && row !== null ? { ...row } : {})

const idMax = 2_147_483_647
const asId = (text: string | null): number | null =>
  text !== null && /^\d{1,10}$/.test(text) && Number(text) <= idMax ? Number(text) : null

export const presentEntry = (row: AuditRow): Entry => ({
  id: row.id,
  created_date: row.at.toISOString(),
  log: sentenceOf(row),
  author: row.author && row.actor_id !== null ? presentAuthor(row.actor_id, row.author) : null,
  actor: { kind: row.actor_kind, id: row.actor_id, name: row.actor_name },
  organisation: row.organisation_id,
  project: row.project,
  environment: row.environment,
  type: row.type,
  related_object_id: asId(row.subject_id),
  related_object_uuid: row.subject_uuid,
  related_object_type: relatedType(row.type),
  related_object_name: row.subject_name,
  is_system_event: row.actor_kind === 'system',
  request_id: row.request_id,
  address: row.address,
})

const presentAuthor = (id: number, { signed_in_at: signedInAt, ...author }: NonNullable<AuditRow['author']>) => ({
  id,
  ...author,
  last_login: signedInAt?.toISOString() ?? null,
})

export const presentDetails = (row: AuditRowWithDetails): Details => ({
  ...presentEntry(row),
  change_type: kindOfChange(row.type),
  change_details: differences(row.before, row.after),
})
