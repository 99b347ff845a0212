import { api } from '@halyard/contract'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { sealChanges } from '../changes/seal-changes.ts'
import { startReceiver, type Receiver } from '../testing/receiver.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const receivers: Receiver[] = []
afterEach(() => {
  for (const receiver of receivers.splice(0)) receiver.close()
})

/** Which columns of which tables of both stores hold a text anywhere. */
async function columnsHolding(...texts: readonly string[]): Promise<string[]> {
  const holding = new Set<string>()
  for (const { db } of [server.control, server.runtime.identities]) {
    const { rows: columns } = await sql<{ schema: string; table: string; column: string }>`
      select c.table_schema as schema, c.table_name as table, c.column_name as column
        from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
       where t.table_type = 'BASE TABLE' and c.table_schema not in ('pg_catalog', 'information_schema')`.execute(db)
    expect(columns.length).toBeGreaterThan(100)
    for (const { schema, table, column } of columns) {
      const any = sql.join(
        texts.map((text) => sql`strpos(${sql.ref(column)}::text, ${text}) > 0`),
        sql` or `,
      )
      const { rows } = await sql`select from ${sql.table(`${schema}.${table}`)} where ${any} limit 1`.execute(db)
      if (rows.length > 0) holding.add(`${table}.${column}`)
    }
  }
  return [...holding].toSorted()
}

/** Somebody of whom everything is known that can be, and somebody else beside. */
async function startKnowing(identifier: string) {
  const { authorization, organisation, project, environment } = await server.makeProject()
  const as = <const Noun extends keyof typeof api>(noun: Noun) => server.as(authorization, api[noun])
  const receiver = await startReceiver()
  receivers.push(receiver)
  const key = { environment_key: environment.api_key }
  const headers = { 'x-environment-key': environment.api_key }
  for (const format of ['flagsmith', 'standard'] as const)
    await as('environmentWebhooks').create({ params: key, body: { url: receiver.url, format } })
  const identify = async (name: string, traits: { trait_key: string; trait_value: unknown }[] = []) =>
    (await server.send('POST', '/api/v1/identities/', { headers, body: { identifier: name, traits } })).body
  await identify(identifier, [{ trait_key: 'address', trait_value: `home of ${identifier}` }])
  await identify('somebody else')
  const [person] = (await as('identities').list({ params: key, query: { q: `"${identifier}"` } })).results
  const params = { ...key, identity: person?.id ?? 0 }
  await as('identities').update({ params, body: { dashboard_alias: `alias of ${identifier}` } })
  const beta = await as('features').create({ params: { project: project.id }, body: { name: 'beta' } })
  const override = await as('identityOverrides').create({ params, body: { feature: beta.id, enabled: true } })
  await as('identityTraits').create({ params, body: { trait_key: 'mail', string_value: `mail of ${identifier}` } })
  await as('segments').create({
    params: { project: project.id },
    body: {
      name: 'known',
      rules: [
        {
          type: 'ALL',
          rules: [{ type: 'ANY', rules: [], conditions: [{ property: 'mail', operator: 'IS_SET', value: '' }] }],
          conditions: [],
        },
      ],
    },
  })
  await server.control.db
    .insertInto('sdk_events')
    .values({ environment_id: environment.id, event: 'bought', identifier, at: new Date(), received_at: new Date() })
    .execute()
  const numbers = { environment: environment.id, override: override.id, identity: params.identity }
  return { as, key, params, numbers, organisation, project, identify, receiver }
}

const whole = { timeout: 30_000, interval: 300 }

test('an export is everything known about an identity', async () => {
  const name = 'ada.canary@example.com'
  const { as, params, numbers } = await startKnowing(name)
  await vi.waitFor(async () => expect((await as('personalData').export({ params })).segments).toHaveLength(1), whole)
  expect(await as('personalData').export({ params })).toMatchObject({
    identity: { id: numbers.identity, identifier: name, dashboard_alias: `alias of ${name}`, environment: numbers.environment },
    traits: { address: `home of ${name}`, mail: `mail of ${name}` },
    overrides: [{ feature: { name: 'beta' }, enabled: true, feature_state_value: null }],
    segments: [{ name: 'known' }],
    events: [{ event: 'bought' }],
    changes: [
      { type: 'identity.updated', after: { trait_value: `mail of ${name}` } },
      {
        type: 'identity_override.created',
        after: { id: numbers.override, identifier: name, enabled: true },
        actor: { name: 'Ada Tester' },
      },
      { type: 'identity.updated', before: { dashboard_alias: null }, after: { dashboard_alias: `alias of ${name}` } },
    ],
  })
})

test('the record names an identity to those who read it, and to nobody who reads the database', async () => {
  const name = 'bob.canary@example.com'
  const { as, params, project, organisation } = await startKnowing(name)
  const inProject = { project: project.id }
  const { results } = await as('audit').listOfProject({ params: inProject, query: { search: name } })
  expect(results.map(({ log }) => log)).toEqual([
    'Changed an identity’s traits: mail',
    'Added an identity override: beta',
    `Changed an identity’s traits: ${name}`,
  ])
  const details = await Promise.all(results.map(({ id }) => as('audit').getOfProject({ params: { ...inProject, change: id } })))
  expect(details[1]?.change_details).toContainEqual({ field: 'identifier', old: null, new: name })
  expect(await as('audit').exportOfOrganisation({ params: { organisation: organisation.id }, query: { format: 'ndjson' } })).toContain(
    `mail of ${name}`,
  )
  expect((await columnsHolding(name)).filter((column) => column.startsWith('changes.') || column.startsWith('jobs.'))).toEqual([])
  await as('personalData').erase({ params })
  const after = await as('audit').getOfProject({ params: { ...inProject, change: results[1]?.id ?? 0 } })
  expect(after).toMatchObject({ log: 'Added an identity override: beta', actor: { name: 'Ada Tester' } })
  expect(after.change_details).toContainEqual({ field: 'identifier', old: null, new: 'erased' })
  expect((await as('audit').listOfProject({ params: inProject, query: { type: 'identity' } })).results.map(({ log }) => log)).toEqual([
    'Erased everything known about an identity: erased',
    'Changed an identity’s traits: mail',
    'Changed an identity’s traits: erased',
  ])
})

test('after an erasure no table holds the person, the chain is intact and the past can be built', async () => {
  const name = 'cleo.canary@example.com'
  const { as, key, params, numbers, organisation, receiver, identify } = await startKnowing(name)
  await receiver.until((received) => received.filter(({ body }) => body.includes(name)).length >= 4)
  await vi.waitFor(async () => expect(await columnsHolding(name)).toContain('identity_searches.folded'), whole)
  const verify = async () => {
    await sealChanges(server.runtime)
    return as('audit').verify({ params: { organisation: organisation.id } })
  }
  const before = await verify()
  expect(before.intact).toBe(true)
  const at = new Date().toISOString()
  expect(await as('environmentDocument').get({ params: key, query: { at } })).toMatchObject({ identity_overrides: [{ identifier: name }] })

  await as('personalData').erase({ params })
  await expect(as('identities').get({ params })).rejects.toMatchObject({ status: 404 })
  expect(await as('environmentDocument').get({ params: key })).toMatchObject({ identity_overrides: [] })
  await vi.waitFor(async () => expect(await columnsHolding(name, String(numbers.identity))).toEqual([]), whole)

  const [past] = Object(await as('environmentDocument').get({ params: key, query: { at } })).identity_overrides
  expect(past).toMatchObject({
    identifier: expect.stringMatching(/^[0-9a-f-]{36}$/),
    identity_features: [{ enabled: true, feature: { name: 'beta' } }],
  })
  // The erasure and its override; others, of SDKs and jobs, come when they come.
  const after = await verify()
  expect(after.intact).toBe(true)
  expect(after.sealed).toBeGreaterThanOrEqual(before.sealed + 2)

  expect(await identify(name)).toMatchObject({ traits: [], flags: [{ feature: { name: 'beta' }, enabled: false }] })
  const again = await as('identities').list({ params: key })
  expect(again.results.map(({ identifier, dashboard_alias: alias }) => [identifier, alias])).toEqual([
    [name, null],
    ['somebody else', null],
  ])
  expect(await as('personalData').export({ params })).toMatchObject({ traits: {}, overrides: [], events: [], changes: [] })
}, 90_000)

test('who comes between an erasure and the end of it is somebody new, and stays', async () => {
  const name = 'dora.canary@example.com'
  const { as, key, params, numbers, identify } = await startKnowing(name)
  await as('personalData').erase({ params })
  await identify(name, [{ trait_key: 'plan', trait_value: 'gold' }])
  const [beta] = (await as('features').list({ params: { project: (await as('environments').get({ params: key })).project } })).results
  const made = await as('identityOverrides').create({ params, body: { feature: beta?.id ?? 0, enabled: true } })
  expect(made.id).not.toBe(numbers.override)
  await vi.waitFor(async () => {
    const left = await server.control.db.selectFrom('identity_keys').select('pseudonym').where('erased_at', 'is not', null).execute()
    expect(left).toEqual([])
  }, whole)
  expect(await as('personalData').export({ params })).toMatchObject({
    traits: { plan: 'gold' },
    overrides: [{ enabled: true }],
    changes: [{ type: 'identity_override.created', after: { identifier: name } }],
  })
  expect((await columnsHolding(`mail of ${name}`, `alias of ${name}`)).filter((column) => column !== 'identity_searches.folded')).toEqual(
    [],
  )
}, 60_000)

test('an identity that was deleted before is erased from the record', async () => {
  const name = 'eve.canary@example.com'
  const { as, params, project } = await startKnowing(name)
  await as('identities').delete({ params })
  await as('personalData').erase({ params })
  const { results } = await as('audit').listOfProject({ params: { project: project.id }, query: { type: 'identity.deleted' } })
  expect(results.map(({ log }) => log)).toEqual(['Deleted an identity: erased'])
  await vi.waitFor(async () => expect(await columnsHolding(name)).toEqual([]), whole)
  await expect(as('personalData').erase({ params })).rejects.toMatchObject({ status: 404 })
}, 60_000)
