import { segmentRule } from '@halyard/contract'
import * as z from 'zod'
import { documentOf } from '../segments/rules.ts'

const instant = z.coerce.date()
const deletable = { deleted_at: z.string().nullable() }
const value = z.union([z.string(), z.number(), z.boolean(), z.null()])

/** The revisions of rows that make a document, by kind, as the history keeps them. */
export const documentRow = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('organisation'),
    body: z.object({
      id: z.int(),
      name: z.string(),
      feature_analytics: z.boolean(),
      stop_serving_flags: z.boolean(),
      persist_trait_data: z.boolean(),
      ...deletable,
    }),
  }),
  z.object({
    kind: z.literal('project'),
    body: z.object({ id: z.int(), name: z.string(), hide_disabled_flags: z.boolean(), enable_realtime_updates: z.boolean(), ...deletable }),
  }),
  z.object({
    kind: z.literal('environment'),
    body: z
      .object({
        id: z.int(),
        api_key: z.string(),
        hash_key: z.string().nullish(),
        name: z.string(),
        allow_client_traits: z.boolean(),
        hide_disabled_flags: z.boolean().nullable(),
        hide_sensitive_data: z.boolean(),
        use_identity_composite_key_for_hashing: z.boolean(),
        use_identity_overrides_in_local_eval: z.boolean(),
        ...deletable,
      })
      // SDKs hash with the document's key, so it stays what it was when the key that opens the environment is changed.
      .transform(({ hash_key: hashKey, ...body }) => ({ ...body, api_key: hashKey ?? body.api_key })),
  }),
  z.object({
    kind: z.literal('feature'),
    body: z.object({
      id: z.int(),
      name: z.string(),
      type: z.enum(['STANDARD', 'MULTIVARIATE']),
      created_at: instant,
      description: z.string().nullable(),
      initial_value: z.string().nullable(),
      default_enabled: z.boolean(),
      is_server_key_only: z.boolean(),
      ...deletable,
    }),
  }),
  z.object({ kind: z.literal('variant'), body: z.object({ id: z.int(), key: z.string().nullable(), value }) }),
  z.object({
    kind: z.literal('segment'),
    body: z.object({
      id: z.int(),
      feature_id: z.int().nullable(),
      name: z.string(),
      rules: z.array(segmentRule).transform((rules) => rules.map(documentOf)),
      ...deletable,
    }),
  }),
  z.object({
    kind: z.literal('feature_segment'),
    body: z.object({ feature_id: z.int(), segment_id: z.int(), priority: z.int(), removed_at: z.string().nullable() }),
  }),
  z.object({
    kind: z.literal('feature_state'),
    body: z.object({
      id: z.int(),
      uuid: z.string(),
      feature_id: z.int(),
      segment_id: z.int().nullable(),
      identifier: z.string().nullable(),
      enabled: z.boolean(),
      value,
      variants: z.array(z.object({ id: z.int(), uuid: z.string(), variant_id: z.int(), weight: z.number() })),
      created_at: instant,
      removed_at: z.string().nullable(),
    }),
  }),
])

export type DocumentRow = z.output<typeof documentRow>
export type DocumentKind = DocumentRow['kind']
export type BodyOf<Kind extends DocumentKind> = Extract<DocumentRow, { kind: Kind }>['body']

export const documentKind = z.enum([
  'organisation',
  'project',
  'environment',
  'feature',
  'variant',
  'segment',
  'feature_segment',
  'feature_state',
] satisfies DocumentKind[])

/** The rows of one document, each as its newest revision has it. */
export class DocumentRows {
  readonly #byKind = new Map<DocumentKind, Map<number, DocumentRow>>()

  put(id: number, row: DocumentRow): void {
    const rows = this.#byKind.get(row.kind) ?? new Map<number, DocumentRow>()
    this.#byKind.set(row.kind, rows.set(id, row))
  }

  remove(kind: DocumentKind, id: number): void {
    this.#byKind.get(kind)?.delete(id)
  }

  of<Kind extends DocumentKind>(kind: Kind): BodyOf<Kind>[]
  of(kind: DocumentKind): DocumentRow['body'][] {
    return Array.from(this.#byKind.get(kind)?.values() ?? [], ({ body }) => body)
  }
}
