import { stringify } from 'csv-stringify/sync'
import type { FileReply } from '../http/file-reply.ts'
import type { AuditRowWithDetails } from './queries.ts'
import { presentDetails, relatedType, sentenceOf } from './rules.ts'

/** A record as a file, written while it is read. */
export function auditFile(format: 'csv' | 'ndjson', name: string, batches: AsyncIterable<AuditRowWithDetails[]>): FileReply {
  if (format === 'ndjson') return { name: `${name}.ndjson`, type: 'application/x-ndjson', content: toLines(batches) }
  return { name: `${name}.csv`, type: 'text/csv; charset=utf-8', content: toCsv(batches) }
}

async function* toLines(batches: AsyncIterable<AuditRowWithDetails[]>): AsyncGenerator<string> {
  for await (const rows of batches) yield rows.map((row) => `${JSON.stringify(presentDetails(row))}\n`).join('')
}

const columns = {
  id: (row: AuditRowWithDetails) => row.id,
  created_date: (row: AuditRowWithDetails) => row.at.toISOString(),
  actor_kind: (row: AuditRowWithDetails) => row.actor_kind,
  actor_id: (row: AuditRowWithDetails) => row.actor_id,
  actor_name: (row: AuditRowWithDetails) => row.actor_name,
  type: (row: AuditRowWithDetails) => row.type,
  log: sentenceOf,
  project: (row: AuditRowWithDetails) => row.project?.name,
  environment: (row: AuditRowWithDetails) => row.environment?.name,
  related_object_type: (row: AuditRowWithDetails) => relatedType(row.type),
  related_object_id: (row: AuditRowWithDetails) => row.subject_id,
  related_object_name: (row: AuditRowWithDetails) => row.subject_name,
  request_id: (row: AuditRowWithDetails) => row.request_id,
  address: (row: AuditRowWithDetails) => row.address,
}

async function* toCsv(batches: AsyncIterable<AuditRowWithDetails[]>): AsyncGenerator<string> {
  yield stringify([Object.keys(columns)])
  const read = Object.values(columns)
  for await (const rows of batches) {
    // A cell that begins like a formula would be run by a spreadsheet.
    yield stringify(
      rows.map((row) => read.map((column) => column(row))),
      { escape_formulas: true },
    )
  }
}
