import type { Endpoint } from '@halyard/contract'

/** A request that the server refused, or failed: what it said, and the request id to look for in its log. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  /** One of the contract's problem codes, or undefined when something between answered. */
  readonly code: string | undefined
  readonly requestId: string | undefined
  /** Messages by field, or `{ detail }`. */
  readonly errors: unknown

  constructor(message: string, facts: { status: number; code: string | undefined; requestId: string | undefined; errors: unknown }) {
    super(message)
    this.status = facts.status
    this.code = facts.code
    this.requestId = facts.requestId
    this.errors = facts.errors
  }

  static from(endpoint: Endpoint, response: Response, text: string): ApiError {
    const document = parseObject(text)
    const title = typeof document['title'] === 'string' ? document['title'] : response.statusText
    return new ApiError(`${endpoint.method} ${endpoint.path} answered ${response.status}: ${title}`, {
      status: response.status,
      code: response.headers.get('halyard-error') ?? undefined,
      requestId: response.headers.get('halyard-request-id') ?? undefined,
      errors: document['errors'] ?? document,
    })
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
