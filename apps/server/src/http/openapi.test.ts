import { api, sdkEndpoints, type Endpoint } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { startServer, type TestServer } from '../testing/start-server.ts'

const parameter = z.looseObject({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean(),
  schema: z.looseObject({}),
})

const content = z.record(z.string(), z.looseObject({ schema: z.looseObject({}), example: z.unknown() }))

const operation = z.looseObject({
  description: z.string().optional(),
  requestBody: z.looseObject({ content }).optional(),
  operationId: z.string(),
  summary: z.string().min(1),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(parameter),
  responses: z.record(z.string(), z.looseObject({ description: z.string(), content: content.optional() })),
})

const described = z.looseObject({
  openapi: z.string().regex(/^3\.1\.\d+$/),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  paths: z.record(z.string(), z.record(z.enum(['get', 'post', 'put', 'patch', 'delete']), operation.optional())),
  components: z.looseObject({ securitySchemes: z.record(z.string(), z.unknown()) }),
})

let server: TestServer
let document: z.output<typeof described>
beforeAll(async () => {
  server = await startServer()
  document = described.parse((await server.send('GET', '/api/v1/openapi.json')).body)
})
afterAll(() => server.close())

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => (operation ? [{ path, method, ...operation }] : [])),
  )

const inBraces = (path: string) => path.replace(/:(\w+)/g, '{$1}')

test('it is served as JSON, and carries the version of the server', async () => {
  const answer = await server.send('GET', '/api/v1/openapi.json')
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(document.info.version).toBe('0.0.0-test')
})

test('every endpoint of the contract is there exactly once, and nothing else', () => {
  const admin = Object.entries(api).flatMap(([noun, endpoints]) =>
    Object.entries<Endpoint>(endpoints).map(([name, { method, path }]) => `${noun}.${name}: ${method.toLowerCase()} ${inBraces(path)}`),
  )
  const sdk = Object.entries(sdkEndpoints).map(([name, { method, path }]) => `sdk.${name}: ${method.toLowerCase()} ${inBraces(path)}`)
  const found = operations().map(({ operationId, method, path }) => `${operationId}: ${method} ${path}`)
  expect(found.toSorted()).toEqual([...admin, ...sdk].toSorted())
})

test('every operation says who may, how it can fail, and shows what is sent and answered', () => {
  for (const { operationId, description, requestBody, responses } of operations()) {
    if (operationId.startsWith('sdk.')) continue
    expect({ operationId, description }).toEqual({ operationId, description: expect.stringMatching(/may|Needs the permission/) })
    const bodies = [requestBody, ...Object.values(responses)].flatMap((each) => Object.values(each?.content ?? {}))
    expect({ operationId, bodies }).toEqual({
      operationId,
      bodies: bodies.map(() => expect.objectContaining({ example: expect.anything() })),
    })
    expect(Object.keys(responses)).toContain('503')
  }
})

// One that is not: give the schema of the field at fault an example, `.meta({ examples: […] })`.
test('every example of a request is one that the endpoint accepts', () => {
  const refused = Object.entries(api).flatMap(([noun, endpoints]) =>
    Object.entries<Endpoint>(endpoints).flatMap(([name, { body }]) => {
      const operation = operations().find(({ operationId }) => operationId === `${noun}.${name}`)
      const example = operation?.requestBody?.content['application/json']?.example
      return !body || body.safeParse(example).success
        ? []
        : [
            {
              name: `${noun}.${name}`,
              example: JSON.stringify(example),
              issues: body.safeParse(example).error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
            },
          ]
    }),
  )
  expect(refused).toEqual([])
})

test('every parameter of a path is declared, once, as required; and none besides', () => {
  for (const { path, operationId, parameters } of operations()) {
    const declared = parameters.filter((each) => each.in === 'path')
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    expect({ operationId, names: declared.map(({ name }) => name) }).toEqual({ operationId, names })
    expect(declared.every(({ required }) => required)).toBe(true)
  }
})

test('every reference leads somewhere', () => {
  const references = referencesIn(document)
  expect(references).not.toEqual([])
  expect(references.filter((reference) => at(document, reference) === undefined)).toEqual([])
})

test('every security scheme that is asked for is described', () => {
  const asked = operations().flatMap(({ security }) => security.flatMap((scheme) => Object.keys(scheme)))
  expect(Object.keys(document.components.securitySchemes)).toEqual(expect.arrayContaining([...new Set(asked)]))
})

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap(referencesIn)
  return Object.entries(value).flatMap(([name, member]) => (name === '$ref' ? [String(member)] : referencesIn(member)))
}

// `#/components/schemas/Problem`
function at(value: unknown, reference: string): unknown {
  const [root, ...steps] = reference.split('/').map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (root !== '#') return undefined
  return steps.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? new Map(Object.entries(at)).get(step) : undefined),
    value,
  )
}
