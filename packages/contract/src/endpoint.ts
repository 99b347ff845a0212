import type * as z from 'zod'
import type { ChangeType } from './changes.ts'
import type { Permission, PermissionKey } from './permissions.ts'

/** One endpoint of the admin API, as data: the server's routes, the client and the OpenAPI document are all read from it. */
export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the origin, with `:name` parameters; served with and without the trailing slash. */
  readonly path: string
  /** One sentence, for documentation and command help. */
  readonly summary: string
  readonly scope: Scope
  readonly permission: Permission
  /** Also for who holds this: the handler asks for the one that the row needs. */
  readonly orPermission?: PermissionKey
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  readonly reply?: z.ZodType
  /** Of a reply that succeeds; 200 when absent. */
  readonly status?: 201 | 202 | 204
  /** A POST that only reads: it receives `db`, makes no edit and records nothing. */
  readonly reads?: true
  /**
   * The handler receives `db` and `inEdit` and opens its edit itself, because part of its work belongs outside of one: the
   * identity store, which no transaction spans together with the control store, and passwords, which take long to hash.
   */
  readonly edits?: 'own'
  /** The changes it may record. Absent on reading endpoints only. */
  readonly records?: readonly ChangeType[]
  /** Counted: `true` for endpoints that try passwords or tokens, per address; webhook tests, per caller. */
  readonly throttled?: true | 'webhook tests'
  /** The reply is a file that is streamed; the handler answers with a `FileReply`. */
  readonly file?: true
  /** The body is JSON of any size up to the limit of imports, which the handler reads as it comes: `upload`, a stream. */
  readonly upload?: true
  /** The body may come as `multipart/form-data` too, its files as text; as JSON it is the same fields. */
  readonly form?: true
  /** Refused for API keys: what is done here is done as a person. */
  readonly peopleOnly?: true
  /** Refused for personal tokens: what decides about credentials is done by somebody who has signed in. */
  readonly sessionOnly?: true
  /** Also for administrators of the group that the path names, who may not have the permission. */
  readonly orGroupAdmin?: true
}

/**
 * Where the rows come from that an endpoint works within. They are loaded, and the permission checked, before the handler runs;
 * what does not exist and what belongs to other tenants are the same 404.
 */
export type Scope =
  | { readonly level: 'public' }
  | { readonly level: 'actor' }
  | { readonly level: 'organisation'; readonly by: 'id' | 'uuid'; readonly from: Source }
  | { readonly level: 'project'; readonly by: 'id' | 'uuid' | ProjectChild; readonly from: Source }
  | { readonly level: 'environment'; readonly by: 'id' | 'uuid' | 'key' | EnvironmentChild; readonly from: Source }

export type Source = `${'params' | 'query' | 'body'}.${string}`
/** Things whose row names the project, for paths that name only the thing. */
export type ProjectChild = 'feature_uuid' | 'segment_uuid' | 'tag_uuid' | 'variant_uuid'
export type EnvironmentChild =
  | 'feature_segment'
  | 'feature_segment_uuid'
  | 'feature_state'
  | 'feature_state_uuid'
  | 'feature_export'
  | 'feature_version_uuid'

/** Endpoints of one noun, by the name that handlers and the client's functions carry. */
export type Resource = Readonly<Record<string, Endpoint>>

/** Keeps the literal types of paths and methods while checking the shape. */
export const resource = <const R extends Resource>(endpoints: R): R => endpoints

/** Parameters in paths are integers, except these. */
export const textParameters = ['environment_key', 'uuid', 'prefix', 'identifier', 'hash'] as const
/** Integers that may be beyond 32 bits: identities are numbered by a hash, and what is recorded has no end. */
export const wideParameters = ['identity', 'change', 'delivery'] as const
type TextParameter = (typeof textParameters)[number]

type NameIn<Path extends string> = Path extends `${string}:${infer Rest}`
  ? Rest extends `${infer Name}/${infer Tail}`
    ? Name | NameIn<`/${Tail}`>
    : Rest
  : never

/** The parameters of a path, by name: `Params<'/projects/:project/'>` is `{ project: number }`. */
export type Params<Path extends string> = { [Name in NameIn<Path>]: Name extends TextParameter ? string : number }

export type Query<E extends Endpoint> = E extends { query: infer Q extends z.ZodType } ? z.output<Q> : undefined
export type Body<E extends Endpoint> = E extends { body: infer B extends z.ZodType } ? z.output<B> : undefined
export type Reply<E extends Endpoint> = E extends { reply: infer R extends z.ZodType } ? z.input<R> : undefined
export type BodyInput<E extends Endpoint> = E extends { body: infer B extends z.ZodType } ? z.input<B> : undefined
export type QueryInput<E extends Endpoint> = E extends { query: infer Q extends z.ZodType } ? z.input<Q> : undefined
