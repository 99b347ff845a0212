import type * as z from 'zod'

/**
 * What Flagsmith's Terraform provider sends for each of its resources and data sources, and what it reads from the replies, as
 * data. Bodies are as Go marshals its structs: with ids and UUIDs that cannot be set, nulls, empty text and zero instants.
 */
export interface Call {
  /** `{name}` stands for what an earlier call kept under that name. */
  readonly ask: `${'GET' | 'POST' | 'PUT' | 'DELETE'} /api/v1/${string}/` | `GET /api/v1/${string}`
  /** A text that is nothing but `{name}` is replaced by the value, of whatever type. */
  readonly body?: unknown
  /** Sends the last reply back whole, changed so, with a field that only newer servers know. */
  readonly sendBack?: Readonly<Record<string, unknown>>
  readonly status: number
  /** Fields that must be there, with their types; others may be too. */
  readonly reply?: z.ZodType
  /** Values that some of them must have. */
  readonly has?: unknown
  /** What later calls use, by the field it is in. */
  readonly keep?: Readonly<Record<string, string>>
  /** Follows `next` to the end and expects that many in all. */
  readonly pages?: number
}

export type Lives = Readonly<Record<string, readonly Call[]>>
