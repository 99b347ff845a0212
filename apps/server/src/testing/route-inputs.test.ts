import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { fieldsIn, isAccepted, shapeOf, withFields, type BodyShape, type Fields } from './matrix/bodies.ts'
import { addressOf, everyEndpoint, isRead, keepExamples, send, type Listed } from './matrix/endpoints.ts'
import { makeTenant, type Fixture } from './matrix/fixture.ts'
import { recording } from './matrix/recorded.ts'
import { startServer, type TestServer } from './start-server.ts'

let server: TestServer
let home: Fixture
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
})
afterAll(() => server.close())

const exampleOf = keepExamples()

async function withoutChange<T>(requests: () => Promise<T>): Promise<T> {
  const { answered, recorded } = await recording(server, requests)
  expect(recorded).toEqual([])
  return answered
}

const withBody = everyEndpoint.flatMap((listed) => {
  const shape = shapeOf(listed.endpoint)
  return shape ? [{ ...listed, ...shape }] : []
})

const sendBodies = async (listed: Listed, bodies: readonly unknown[]) => {
  const request = await exampleOf(home, listed)
  return withoutChange(() => Promise.all(bodies.map((body) => send(home, listed, { ...request, body }, home.authorization))))
}

describe('a body', () => {
  const kinds = [{ wrong: true }, ['wrong'], 'neither here nor there', 12.5, true, null]
  test.each(withBody)('of $name with fields of the wrong kind is 400 and names each', async (listed) => {
    const { body } = await exampleOf(home, listed)
    const wrong = kinds.map((kind) => refusedFields(listed, kind)).filter((fields) => Object.keys(fields).length > 0)
    const answers = await sendBodies(
      listed,
      wrong.map((fields) => withFields(body, { ...fieldsIn(body), ...fields })),
    )
    expect(answers.map(({ status }) => status)).toEqual(wrong.map(() => 400))
    expect(answers.map((answer) => namesIn(fieldsIn(answer.body)))).toEqual(wrong.map(namesIn))
    // What Zod says of itself is for programmers.
    for (const answer of answers) expect(answer.text).not.toContain('Invalid input')
    expect(namesIn(Object.assign({}, ...wrong))).toEqual(namesIn(listed.fields))
  })

  const withRequired = withBody.filter((listed) => Object.keys(refusedFields(listed, undefined)).length > 0)
  test.each(withRequired)('of $name without what is required is 400 and names each', async (listed) => {
    const { body } = await exampleOf(home, listed)
    const [answer] = await sendBodies(listed, [withFields(body, {})])
    const errors = Object.keys(refusedFields(listed, undefined)).map((name) => [name, ['This field is required.']])
    expect(answer).toMatchObject({ status: 400 })
    expect(fieldsIn(answer?.body)).toEqual(Object.fromEntries(errors))
  })

  test.each(withBody)('of $name that is something else altogether is 400', async (listed) => {
    const others = [listed.isList ? {} : [], [1], '"text"', '12', 'true', 'null']
    const answers = await sendBodies(listed, others)
    expect(answers.map(({ status }) => status)).toEqual(others.map(() => 400))
    for (const answer of answers) expect(answer.text).not.toContain('Invalid input')
  })

  test.each(withBody)('of $name that is not JSON is 400 and says so', async (listed) => {
    for (const answer of await sendBodies(listed, ['{"name": ', '[1,', 'name=Ada', '{"name": "Ada"} {}', '\0']))
      expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringMatching(/^JSON parse error/) } })
  })

  test.each(withBody)('of $name that says something twice is 400 and names the key', async (listed) => {
    const { body } = await exampleOf(home, listed)
    const twice = JSON.stringify(body ?? {}).replace(/^(\[?)\{/, '$1{"twice":1,"twice":2,')
    const [answer] = await sendBodies(listed, [twice.replace(',}', '}')])
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringContaining('The key “twice”') } })
  })
})

/** The fields that must not be of a kind, each with a value of that kind. */
const refusedFields = ({ fields }: BodyShape, kind: unknown): Fields =>
  Object.fromEntries(Object.entries(fields).flatMap(([name, schema]) => (isAccepted(schema, kind) ? [] : [[name, kind]])))

const namesIn = (fields: Fields) => Object.keys(fields).toSorted()

describe('a query', () => {
  const texts = ['abc', '-1', '0', '1.5', '99999999999999999999', '1e999', '', '\0', '\u{1F600}', 'x'.repeat(5000)]
  const withQuery = everyEndpoint.flatMap((listed) =>
    listed.endpoint.query instanceof z.ZodObject ? [{ ...listed, shape: listed.endpoint.query.shape }] : [],
  )
  const reading = withQuery.filter(({ endpoint }) => isRead(endpoint))
  const fields = reading.flatMap((listed) =>
    Object.entries<z.ZodType>(listed.shape).map(([field, schema]) => ({ ...listed, field, schema })),
  )
  test.each(fields)('of $name with an odd $field is answered, or is 400 and names it', async (listed) => {
    const { field, schema, endpoint } = listed
    const request = await exampleOf(home, listed)
    const askFor = (value: string) => send(home, listed, { ...request, query: { ...request.query, [field]: value } }, home.authorization)
    const answers = await Promise.all(texts.map(askFor))
    const twice = await server.send(endpoint.method, withSearch(addressOf(endpoint, request), `${field}=1&${field}=2`), home)
    for (const [index, answer] of answers.entries()) {
      if (isAccepted(schema, texts[index])) expect(answer.status).toBeOneOf([200, 400, 404])
      else expect(answer).toMatchObject({ status: 400, body: { [field]: expect.anything() } })
    }
    expect(twice).toMatchObject({ status: 400, body: { [field]: expect.anything() } })
  })
})

const withSearch = (address: string, search: string) => `${address}${address.includes('?') ? '&' : '?'}${search}`

describe('an address', () => {
  test.each(everyEndpoint)('of $name is the same without its trailing slash', async (listed) => {
    const { endpoint } = listed
    const request = await exampleOf(home, listed)
    const address = addressOf(endpoint, request)
    const slashless = address.replace(/\/(?=\?|$)/, '')
    expect(slashless).not.toBe(address)
    // What is read, or what is said to nobody: that a route was found, in either case.
    const options = isRead(endpoint) ? { authorization: home.authorization, ...(request.body !== undefined && { body: request.body }) } : {}
    const [one, other] = await Promise.all([
      server.send(endpoint.method, address, options),
      server.send(endpoint.method, slashless, options),
    ])
    // Links to other pages are spelled as the address was.
    expect({ status: other.status, text: other.text }).toEqual({ status: one.status, text: one.text.replaceAll('/?', '?') })
    expect(one.status).toBe(isRead(endpoint) ? 200 : endpoint.scope.level === 'public' ? 400 : 401)
  })

  const paths = [...new Set(everyEndpoint.map(({ endpoint }) => endpoint.path))]
  test.each(paths)('%s refuses methods it does not have and says which it has', async (path) => {
    const here = everyEndpoint.filter(({ endpoint }) => endpoint.path === path)
    const has = new Set<string>(here.map(({ endpoint }) => endpoint.method))
    const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => !has.has(method))
    const address = path.replace(/:\w+/g, '1')
    const answers = await Promise.all(others.map((method) => server.send(method, address, { authorization: home.authorization })))
    for (const answer of answers) {
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')?.split(', ').toSorted()).toEqual([...has].toSorted())
    }
  })
})
