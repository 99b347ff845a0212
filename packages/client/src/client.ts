import { textParameters, type BodyInput, type Endpoint, type Params, type QueryInput, type Reply, type Resource } from '@halyard/contract'
import { ApiError } from './api-error.ts'

export interface ClientOptions {
  /** The origin, such as `https://flags.example.com`. */
  readonly baseUrl: string
  /** `Token …` or `Api-Key …`; absent for endpoints that anybody may call. */
  readonly authorization?: string
  readonly fetch?: typeof fetch
}

/** Path parameters, query and body together, each only where the endpoint takes it. */
export type CallInput<E extends Endpoint> = (keyof Params<E['path']> extends never ? unknown : { params: Params<E['path']> }) &
  ([QueryInput<E>] extends [undefined] ? unknown : { query?: QueryInput<E> }) &
  ([BodyInput<E>] extends [undefined] ? unknown : { body: BodyInput<E> }) &
  (E extends { upload: true } ? { body: unknown } : unknown)

export type Call<E extends Endpoint> = (input: CallInput<E>) => Promise<Reply<E>>
export type ResourceClient<R extends Resource> = { readonly [Name in keyof R]: Call<R[Name]> }

/** One typed function per endpoint of a noun: `const features = createClient(options, api.features)`. Throws `ApiError`. */
export function createClient<const R extends Resource>(options: ClientOptions, resource: R): ResourceClient<R>
export function createClient(options: ClientOptions, resource: Resource): object {
  return Object.fromEntries(
    Object.entries(resource).map(([name, endpoint]) => [name, (input: LooseInput = {}) => call(options, endpoint, input)]),
  )
}

interface LooseInput {
  readonly params?: Readonly<Record<string, string | number>>
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
}

async function call(options: ClientOptions, endpoint: Endpoint, input: LooseInput): Promise<unknown> {
  const url = new URL(fillPath(endpoint.path, input.params ?? {}), options.baseUrl)
  for (const [name, value] of Object.entries(input.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value))
  const response = await (options.fetch ?? fetch)(url, {
    method: endpoint.method,
    headers: {
      accept: 'application/problem+json, application/json',
      ...(options.authorization && { authorization: options.authorization }),
      ...(input.body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
  })
  const text = await response.text()
  if (!response.ok) throw ApiError.from(endpoint, response, text)
  if (endpoint.file) return text
  return text === '' ? undefined : JSON.parse(text)
}

/** A path with its parameters filled in and encoded. */
export function fillPath(path: string, params: Readonly<Record<string, string | number>>): string {
  return path.replace(/:([a-z_]+)/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined)
      throw new TypeError(`${path} needs the ${textParameters.some((text) => text === name) ? 'text' : 'number'} “${name}”.`)
    return encodeURIComponent(value)
  })
}
