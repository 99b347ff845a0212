import type * as z from 'zod'

/** One endpoint that SDKs call, as data: routes and the OpenAPI document are read from it. */
export interface SdkEndpoint {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Below the origin, with `:name` parameters; served with and without the trailing slash. */
  readonly path: `/${string}`
  /** One sentence, for documentation. */
  readonly summary: string
  /** `environment-key`: either kind. `server-key`: only keys that begin with `ser.`. */
  readonly security: 'environment-key' | 'server-key' | 'none'
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  /** Request headers that change the reply, besides the key. */
  readonly headers?: z.ZodType
  readonly body?: z.ZodType
  /** Absent when the reply has no body. */
  readonly reply?: z.ZodType
  readonly replyType?: 'text/event-stream'
  /** Of a reply that succeeds. */
  readonly status: 200 | 201 | 202 | 204
  /** Kept for clients written long ago. */
  readonly deprecated?: true
}
