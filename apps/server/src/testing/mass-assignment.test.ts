import { api, type Endpoint } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fieldsIn, shapeOf, withFields, type Fields } from './matrix/bodies.ts'
import { everyEndpoint, isRead, keepExamples, send, type Listed } from './matrix/endpoints.ts'
import { makeTenant, type Fixture } from './matrix/fixture.ts'
import { recording } from './matrix/recorded.ts'
import { withSurplus } from './matrix/surplus.ts'
import { everyColumn, writing, type Column, type Written } from './matrix/written.ts'
import { startServer, type TestServer } from './start-server.ts'

let server: TestServer
let home: Fixture
let columns: readonly Column[]
let tables: readonly string[]
/** A value for every column that there is, and for what replies call them, that nothing else has. */
let theirs: Fields
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
  columns = await everyColumn(server)
  tables = [...new Set(columns.map(({ table }) => table))]
  theirs = { ...namedInReplies, ...Object.fromEntries(columns.map(({ name, type }) => [name, chosenOf(type)])) }
})
afterAll(() => server.close())

const exampleOf = keepExamples()

const chosen = {
  number: 987_654_321,
  text: 'chosen by the caller',
  uuid: '98765432-0000-4000-8000-000000000000',
  instant: '2001-02-03T04:05:06.000Z',
}
const namedInReplies: Fields = {
  ...Object.fromEntries(
    ['organisation', 'project', 'environment', 'user', 'feature', 'feature_segment', 'segment', 'identity', 'group'].map((name) => [
      name,
      chosen.number,
    ]),
  ),
  ...Object.fromEntries(['key', 'token', 'hashed_key', 'created_by', 'owners', 'constructor'].map((name) => [name, chosen.text])),
  is_staff: true,
  'a field that nobody knows': chosen.text,
}
const traces = [
  String(chosen.number),
  chosen.text,
  Buffer.from(chosen.text).toString('hex'),
  chosen.uuid,
  chosen.instant.slice(0, '2001-02-03T04'.length),
]

function chosenOf(type: string): unknown {
  if (/^(integer|bigint|smallint|numeric|double precision|real)$/.test(type)) return chosen.number
  if (type === 'uuid') return chosen.uuid
  if (type.startsWith('timestamp') || type === 'date') return chosen.instant
  if (type === 'boolean') return true
  if (type === 'ARRAY') return [chosen.text]
  return type.startsWith('json') ? { chosen: chosen.text } : chosen.text
}

// Setting up works once per installation, and only mails and issuers hold what the others need: their nouns' own tests.
const triedElsewhere: readonly Endpoint[] = [api.users.setUp, api.passwords.confirmReset, api.trustRelationships.exchange]
const writes = everyEndpoint.flatMap((listed) => {
  const shape = shapeOf(listed.endpoint)
  return shape && !isRead(listed.endpoint) && !triedElsewhere.includes(listed.endpoint) ? [{ ...listed, shape }] : []
})

describe('columns that are not the caller’s to write', () => {
  test.each(writes.filter(({ shape }) => !shape.isStrict))('are ignored by $name', async (listed) => {
    const plain = await write(listed, (body) => body)
    expect(plain.answered).toMatchObject({ status: listed.endpoint.status ?? 200 })
    const surplus = { ...theirs, ...oppositesOf(plain.written) }
    const injected = await write(listed, (body) => withSurplus(listed.endpoint.body, body, surplus))
    const { status, text } = injected.answered
    expect({ status, text }).toEqual({ status: listed.endpoint.status ?? 200, text: expect.any(String) })
    expect(traces.filter((trace) => text.includes(trace))).toEqual([])
    expect(injected.written.filter(({ row }) => traces.some((trace) => JSON.stringify(row).includes(trace)))).toEqual([])
    expect(switchesIn(injected.written)).toEqual(switchesIn(plain.written))
  })

  test.each(writes.filter(({ shape }) => shape.isStrict))('are refused by $name', async (listed) => {
    const request = await exampleOf(home, listed)
    const names = Object.keys(theirs).filter((name) => !(name in listed.shape.fields))
    // As many at a time as are answered by name.
    for (let from = 0; from < names.length; from += 100) {
      const some = names.slice(from, from + 100)
      const body = withFields(request.body, { ...fieldsIn(request.body), ...Object.fromEntries(some.map((name) => [name, theirs[name]])) })
      const by = request.authorization ?? home.authorization
      const { answered, recorded } = await recording(server, () => send(home, listed, { ...request, body }, by))
      expect(answered.status).toBe(400)
      expect(fieldsIn(answered.body)).toEqual(Object.fromEntries(some.map((name) => [name, ['This field is not known.']])))
      expect(recorded).toEqual([])
    }
  })
})

async function write(listed: Listed, change: (body: unknown) => unknown) {
  const isWhole = listed.endpoint.records?.some((type) => type === 'organisation.updated' || type === 'organisation.deleted')
  const at = isWhole ? await makeTenant(server) : home
  const request = await listed.example(at)
  return writing(server, tables, () =>
    send(at, listed, { ...request, body: change(request.body) }, request.authorization ?? at.authorization),
  )
}

/** The booleans of the rows, by table: no value of theirs would be conspicuous. */
const switchesIn = (written: readonly Written[]) =>
  written
    .map(({ table, row }) => ({ table, switches: Object.entries(row).filter(([, value]) => typeof value === 'boolean') }))
    .filter(({ switches }) => switches.length > 0)
    .map(({ table, switches }) => JSON.stringify([table, switches]))
    .toSorted()

const oppositesOf = (written: readonly Written[]): Fields =>
  Object.fromEntries(
    written.flatMap(({ row }) => Object.entries(row).flatMap(([name, value]) => (typeof value === 'boolean' ? [[name, !value]] : []))),
  )
