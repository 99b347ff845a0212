import * as z from 'zod'
import type { Endpoint, Resource } from './endpoint.ts'
import { textParameters } from './endpoint.ts'
import { errorsOf, permissionOf } from './openapi-errors.ts'
import { exampleOf } from './openapi-examples.ts'
import type { SdkEndpoint } from './sdk/endpoint.ts'

type Json = Readonly<Record<string, unknown>>

export interface Described {
  readonly admin: Readonly<Record<string, Resource>>
  readonly sdk: Readonly<Record<string, SdkEndpoint>>
}

/** The OpenAPI 3.1 document of the whole API, from nothing but the contract. */
export function openApi({ admin, sdk }: Described, version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const [name, endpoint] of Object.entries(sdk)) {
    const path = endpoint.path.replace(/:([a-z_]+)/gi, '{$1}')
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: describeSdk(endpoint, name) }
  }
  for (const [noun, resource] of Object.entries(admin)) {
    for (const [name, endpoint] of Object.entries(resource)) {
      const path = endpoint.path.replace(/:([a-z_]+)/g, '{$1}')
      paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: describe(endpoint, { noun, name }) }
    }
  }
  const { described, schemas } = hoistDefinitions(paths)
  return {
    openapi: '3.1.0',
    info: { title: 'Halyard', version, license: { name: 'BSD-3-Clause', identifier: 'BSD-3-Clause' } },
    paths: described,
    components: {
      securitySchemes: {
        environmentKey: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Environment-Key',
          description: 'A client-side key, or a server-side one (`ser.…`).',
        },
        token: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`Token <user token>` or `Api-Key <prefix>.<secret>`.' },
      },
      schemas: { Problem: problem, ...schemas },
    },
  }
}

const problem = {
  description: '`{ detail }`, or messages by field, or `{ non_field_errors }`.',
  type: ['object', 'array'],
}

function describe(endpoint: Endpoint, { noun, name }: { noun: string; name: string }): Json {
  const status = String(endpoint.status ?? 200)
  return {
    operationId: `${noun}.${name}`,
    tags: [noun],
    summary: endpoint.summary,
    description: permissionOf(endpoint),
    'x-permission': endpoint.orPermission ? `${endpoint.permission} or ${endpoint.orPermission}` : endpoint.permission,
    security: endpoint.scope.level === 'public' ? [] : [{ token: [] }],
    parameters: [...pathParameters(endpoint.path), ...queryParameters(endpoint), ...headerParameters(endpoint)],
    ...bodyOf(endpoint),
    responses: {
      [status]: {
        description: status === '204' ? 'Done.' : 'OK.',
        ...(endpoint.reply && {
          content: { [endpoint.file ? 'application/octet-stream' : 'application/json']: inUse(endpoint.reply, 'output') },
        }),
      },
      ...errorsOf(endpoint),
    },
  }
}

function bodyOf({ body, form }: { readonly body?: z.ZodType; readonly form?: true }): Json {
  if (!body) return {}
  const written = inUse(body, 'input')
  return { requestBody: { required: true, content: { 'application/json': written, ...(form && { 'multipart/form-data': written }) } } }
}

function inUse(written: z.ZodType, io: 'input' | 'output'): Json {
  const schema = toSchema(written, io)
  return { schema, example: exampleOf(schema) }
}

function describeSdk(endpoint: SdkEndpoint, name: string): Json {
  const content = endpoint.reply && { [endpoint.replyType ?? 'application/json']: inUse(endpoint.reply, 'output') }
  return {
    operationId: `sdk.${name}`,
    tags: ['sdk'],
    summary: endpoint.summary,
    ...(endpoint.deprecated && { deprecated: true }),
    security: endpoint.security === 'none' ? [] : [{ environmentKey: [] }],
    parameters: [...pathParameters(endpoint.path), ...queryParameters(endpoint)],
    ...bodyOf(endpoint),
    responses: { [endpoint.status]: { description: 'OK.', ...(content && { content }) } },
  }
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:([a-z_]+)/gi)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: textParameters.some((text) => text === name) || name === 'key' ? 'string' : 'integer' },
  }))
}

function queryParameters(endpoint: { readonly query?: z.ZodType }): Json[] {
  if (!(endpoint.query instanceof z.ZodObject)) return []
  const shape: Readonly<Record<string, z.ZodType>> = endpoint.query.shape
  return Object.entries(shape).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !schema.safeParse(undefined).success,
    schema: toSchema(schema, 'input'),
  }))
}

function headerParameters({ method, upload }: Endpoint): Json[] {
  const header = (name: string, description: string) => ({ name, in: 'header', required: false, description, schema: { type: 'string' } })
  if (method === 'POST' && !upload)
    return [header('Idempotency-Key', 'A text of your own: repeated within a day, the request is done once and answered the same.')]
  if (method === 'GET' || method === 'POST') return []
  return [header('If-Match', 'The ETag that was read: 412 if it is another by now.')]
}

function toSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' })
  return rest
}

/** Schemas that refer to themselves come with definitions of their own, where references from the whole document do not lead. */
function hoistDefinitions(paths: Json): { described: unknown; schemas: Json } {
  const schemas: Record<string, unknown> = {}
  const described: unknown = JSON.parse(JSON.stringify(paths), (name, value) => {
    if (name === '$ref') return String(value).replace('#/$defs/', '#/components/schemas/')
    if (name !== '$defs') return value
    if ('__schema0' in value) throw new Error('A schema that refers to itself needs a name in OpenAPI: .meta({ id: … }).')
    Object.assign(schemas, value)
    return undefined
  })
  return { described, schemas }
}
