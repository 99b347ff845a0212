/** Stable codes of everything a caller can be told; in the header `Halyard-Error` of every failed reply. */
export const problemStatus = {
  invalid: 400,
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  throttled: 429,
  unavailable: 503,
} as const

export type ProblemCode = keyof typeof problemStatus

/** Messages by field, nested as the body is: `{ traits: [{}, { trait_key: ['This field is required.'] }] }`. */
export type FieldErrors = { [field: string]: readonly string[] | FieldErrors | readonly FieldErrors[] }

/** A failure that the caller can do something about. Anything else that is thrown is our bug and answers 500. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly status: number
  /** What the reply's body holds in the default (Django REST framework) shape. */
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, message: string, rest: { body?: unknown; headers?: Record<string, string> } = {}) {
    super(message)
    this.code = code
    this.status = problemStatus[code]
    this.body = rest.body ?? { detail: message }
    this.headers = rest.headers ?? {}
  }
}

export const notFound = (message = 'Not found.') => new Problem('not_found', message)
export const forbidden = (message: string) => new Problem('forbidden', message)
export const unauthenticated = (message = 'Authentication credentials were not provided.') => new Problem('unauthenticated', message)

/** Too many attempts; in the words of Django REST framework, which clients read the seconds from. */
export function throttled(waitSeconds: number): Problem {
  const seconds = Math.max(1, Math.ceil(waitSeconds))
  const wait = `Request was throttled. Expected available in ${seconds} second${seconds === 1 ? '' : 's'}.`
  return new Problem('throttled', wait, { headers: { 'retry-after': String(seconds) } })
}

/** A body or query that breaks a rule of one or more fields. */
export function invalid(errors: FieldErrors): Problem {
  return new Problem('invalid', firstMessage(errors) ?? 'The request is not valid.', { body: errors })
}

/** A rule that no single field breaks: the wire calls these non-field errors. */
export const conflict = (message: string) => new Problem('invalid', message, { body: { non_field_errors: [message] } })

/** What a field is told that names something which does not exist where it was looked for. */
export const unknownId = (id: number | string) => `Invalid pk "${id}" - object does not exist.`

function firstMessage(errors: FieldErrors): string | undefined {
  for (const [field, messages] of Object.entries(errors)) {
    const first: unknown = Array.isArray(messages) ? messages.find((message) => typeof message === 'string') : undefined
    if (typeof first === 'string') return `${field}: ${first}`
  }
  return undefined
}
