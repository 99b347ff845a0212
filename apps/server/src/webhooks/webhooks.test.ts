import { api } from '@halyard/contract'
import { createHmac } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startReceiver, type Answering, type Received, type Receiver } from '../testing/receiver.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'
import { pythonJson } from './python-json.ts'
import { signatureHeaders } from './rules.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const receivers: Receiver[] = []
afterEach(() => {
  for (const receiver of receivers.splice(0)) receiver.close()
})
async function receive(answer?: Answering): Promise<Receiver> {
  const receiver = await startReceiver(answer)
  receivers.push(receiver)
  return receiver
}

async function start() {
  const made = await server.makeProject()
  const { authorization, organisation, project, environment } = made
  const as = <const Noun extends keyof typeof api>(noun: Noun) => server.as(authorization, api[noun])
  const key = { environment_key: environment.api_key }
  const inProject = { project: project.id }
  const createFeature = (name: string) => as('features').create({ params: inProject, body: { name, initial_value: 'blue' } })
  const toggle = async (feature: { id: number }, enabled: boolean) => {
    const { results } = await as('featureStates').list({ params: key, query: { feature: feature.id } })
    return as('featureStates').update({ params: { ...key, feature_state: results[0]?.id ?? 0 }, body: { enabled } })
  }
  const hook = (body: { url: string; secret?: string; format?: 'flagsmith' | 'standard' }) =>
    as('environmentWebhooks').create({ params: key, body })
  const deliveries = async (webhook: number) => (await as('environmentWebhooks').listDeliveries({ params: { ...key, webhook } })).results
  return { ...made, as, key, inProject, inOrganisation: { organisation: organisation.id }, createFeature, toggle, hook, deliveries }
}

const eventOf = (received: Received | undefined) => Object(JSON.parse(received?.body ?? 'null'))
const signedBy = (received: Received | undefined, secret: string) => {
  const signed = [received?.headers['webhook-id'], received?.headers['webhook-timestamp'], received?.body].join('.')
  return `v1,${createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
    .update(signed)
    .digest('base64')}`
}
const hex = (secret: string, body: string) => createHmac('sha256', secret).update(body).digest('hex')

/** Lets what waits for its next attempt be tried now. */
async function hurry(): Promise<void> {
  await sql`update webhook_deliveries set next_attempt_at = now() where state = 'pending' and leased_until is null`.execute(
    server.control.db,
  )
  await sql`update jobs set run_at = now() where name = 'deliver_webhook' and lease_token is null`.execute(server.control.db)
  await sql`select pg_notify('halyard_jobs', '')`.execute(server.control.db)
}

async function eventually<T>(look: () => Promise<T>, isDone: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look()
    if (isDone(seen)) return seen
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('signatures', () => {
  const payload = {
    event_type: 'FLAG_UPDATED',
    data: {
      timestamp: '2026-11-22T12:00:00.123000Z',
      changed_by: 'ada@example.com',
      new_state: {
        list: [],
        feature_state_value: 'žalia "ir" \u2028 😀\n\t/<>&',
        enabled: true,
        identity: null,
        multivariate_feature_state_values: [
          { percentage_allocation: 30, id: 5, multivariate_feature_option: { id: 2, value: -7 } },
          { percentage_allocation: 12.5, id: 6 },
        ],
        empty: {},
      },
    },
  }
  // Made with Python's json.dumps(…, sort_keys=True) and hmac.
  const written = String.raw`{"data": {"changed_by": "ada@example.com", "new_state": {"empty": {}, "enabled": true, "feature_state_value": "\u017ealia \"ir\" \u2028 \ud83d\ude00\n\t/<>&", "identity": null, "list": [], "multivariate_feature_state_values": [{"id": 5, "multivariate_feature_option": {"id": 2, "value": -7}, "percentage_allocation": 30.0}, {"id": 6, "percentage_allocation": 12.5}]}, "timestamp": "2026-11-22T12:00:00.123000Z"}, "event_type": "FLAG_UPDATED"}`
  const at = new Date(1_700_000_000_999)

  test('of Flagsmith’s webhooks are over the same bytes that Flagsmith writes', () => {
    const body = pythonJson(payload)
    expect(body).toBe(written)
    expect(signatureHeaders({ format: 'flagsmith', secrets: ['a secret'], id: 'msg_1', body, at })).toEqual({
      'webhook-id': 'msg_1',
      'x-flagsmith-signature': '98b31e8ade1a04d276f5e8052584146f4571cf70ffe95d55f32827b4eb12c3b0',
    })
    expect(signatureHeaders({ format: 'flagsmith', secrets: [], id: 'msg_1', body, at })).toEqual({ 'webhook-id': 'msg_1' })
  })

  test('of Standard Webhooks are over id, second and body; there is one for each secret', () => {
    const secrets = ['whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=', 'whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=']
    const headers = signatureHeaders({ format: 'standard', secrets, id: 'msg_1', body: '{"type":"feature.created"}', at })
    expect(headers).toMatchObject({ 'webhook-id': 'msg_1', 'webhook-timestamp': '1700000000' })
    expect(headers['webhook-signature']?.split(' ')).toEqual([
      'v1,9qGgDN0mog7NOzmveAw/K9GTKjZJoDgjIo374IzLGTg=',
      expect.stringMatching(/^v1,/),
    ])
  })
})

test('Flagsmith’s receivers hear of a toggle with what was and what is, signed', async () => {
  const { hook, createFeature, toggle, environment, project } = await start()
  const feature = await createFeature('dark_mode')
  const receiver = await receive()
  await hook({ url: receiver.url, secret: 'a secret' })
  await toggle(feature, true)
  const [received] = await receiver.until(1)
  expect(received?.headers).toMatchObject({
    'content-type': 'application/json',
    'x-flagsmith-signature': hex('a secret', received?.body ?? ''),
  })
  const { previous_state: previous, new_state: current, ...rest } = eventOf(received).data
  expect(rest).toEqual({ changed_by: expect.stringContaining('@example.com'), timestamp: expect.stringMatching(/^\d{4}-.*T.*\.\d{6}Z$/) })
  expect(current).toEqual({
    feature: {
      id: feature.id,
      created_date: expect.stringMatching(/\.\d{6}Z$/),
      default_enabled: false,
      description: null,
      initial_value: 'blue',
      name: 'dark_mode',
      project: { id: project.id, name: 'Shop' },
      type: 'STANDARD',
    },
    environment: { id: environment.id, name: 'Production' },
    identity: null,
    identity_identifier: null,
    feature_segment: null,
    enabled: true,
    feature_state_value: 'blue',
    multivariate_feature_state_values: [],
  })
  expect(previous).toEqual({ ...current, enabled: false })
  expect(received?.body.startsWith('{"data": {"changed_by": "')).toBe(true)
})

test('they hear of features, segment and identity overrides that come, change and go', async () => {
  const { hook, createFeature, as, key, inProject, environment } = await start()
  const receiver = await receive()
  await hook({ url: receiver.url })
  const feature = await createFeature('dark_mode')
  const rules = [{ type: 'ALL' as const, conditions: [{ operator: 'IS_SET' as const, property: 'plan' }] }]
  const segment = await as('segments').create({ params: inProject, body: { name: 'staff', rules } })
  const place = { ...key, feature: feature.id }
  await as('featureSegments').createOverride({ params: place, body: { feature_segment: { segment: segment.id }, enabled: true } })
  const { results: places } = await as('featureSegments').list({ query: { environment: environment.id, feature: feature.id } })
  await as('featureSegments').delete({ params: { feature_segment: places[0]?.id ?? 0 } })
  const identity = await as('identities').create({ params: key, body: { identifier: 'ada' } })
  const ofIdentity = { ...key, identity: identity.id }
  const own = await as('identityOverrides').create({ params: ofIdentity, body: { feature: feature.id, enabled: true } })
  await as('identityOverrides').delete({ params: { ...ofIdentity, feature_state: own.id } })
  await as('features').delete({ params: { ...inProject, feature: feature.id } })
  const events = (await receiver.until(6)).map(eventOf)
  expect(events.map(({ event_type: type, data }) => [type, data.previous_state?.enabled, data.new_state?.enabled])).toEqual([
    ['FLAG_UPDATED', undefined, false],
    ['FLAG_UPDATED', undefined, true],
    ['FLAG_DELETED', true, undefined],
    ['FLAG_UPDATED', undefined, true],
    ['FLAG_DELETED', true, undefined],
    ['FLAG_DELETED', false, undefined],
  ])
  expect(events[1].data.new_state.feature_segment).toEqual({ segment: { id: segment.id, name: 'staff', description: null }, priority: 0 })
  expect(events[2].data.previous_state.feature_segment.segment.id).toBe(segment.id)
  expect(events[3].data.new_state).toMatchObject({ identity: identity.id, identity_identifier: 'ada' })
  expect(events[5].data).toMatchObject({ new_state: null, previous_state: { feature: { name: 'dark_mode' } } })
})

test('an environment’s hear of versions, with all that the feature is by then and who published it', async () => {
  const { hook, createFeature, as, key, environment, inOrganisation } = await start()
  const feature = await createFeature('dark_mode')
  await as('versioning').enable({ params: key })
  const [receiver, ofOrganisation] = [await receive(), await receive()]
  await as('organisationWebhooks').create({ params: inOrganisation, body: { url: ofOrganisation.url } })
  await hook({ url: receiver.url })
  const value = { type: 'integer', value: '42' } as const
  await as('flagUpdates').updateOne({ params: key, body: { feature: { name: 'dark_mode' }, enabled: true, value } })
  const { results } = await as('featureVersions').list({ params: { environment: environment.id, feature: feature.id } })
  const events = (await receiver.until(2)).map(eventOf)
  expect(events.find(({ event_type: type }) => type === 'NEW_VERSION_PUBLISHED')?.data).toEqual({
    uuid: results[0]?.uuid,
    feature: { id: feature.id, name: 'dark_mode' },
    published_by: { id: expect.any(Number), email: expect.stringContaining('@') },
    feature_states: [{ enabled: true, value: 42, multivariate_feature_state_values: [] }],
  })
  // As entries in the audit log and of the flag, as those of organisations hear of everything.
  const types = (await ofOrganisation.until(4)).map(eventOf).map(({ event_type: type }) => type)
  expect(types).not.toContain('NEW_VERSION_PUBLISHED')
})

test('an organisation’s hear of everything in it, as of entries in the audit log, and of flags besides', async () => {
  const { as, inOrganisation, inProject, createFeature } = await start()
  const receiver = await receive()
  await as('organisationWebhooks').create({ params: inOrganisation, body: { url: receiver.url } })
  await as('masterApiKeys').create({ params: inOrganisation, body: { name: 'CI' } })
  await createFeature('dark_mode')
  const events = (await receiver.until(4)).map(eventOf)
  expect(events.map(({ event_type: type, data }) => [type, data.log ?? data.new_state.feature.name])).toEqual([
    ['AUDIT_LOG_CREATED', `Added a webhook: ${receiver.url}`],
    ['AUDIT_LOG_CREATED', 'Created an API key: CI'],
    ['FLAG_UPDATED', 'dark_mode'],
    ['AUDIT_LOG_CREATED', 'Created a feature: dark_mode'],
  ])
  const { results } = await as('audit').listOfProject({ params: inProject, query: { page_size: 1 } })
  expect(events[3].data).toEqual(results[0])
})

test('Standard Webhooks get typed events, and a secret that the server makes', async () => {
  const { hook, createFeature, toggle } = await start()
  const feature = await createFeature('dark_mode')
  const receiver = await receive()
  const { secret } = await hook({ url: receiver.url, format: 'standard' })
  await toggle(feature, true)
  const [received] = await receiver
    .until((all) => all.some((one) => eventOf(one).type === 'feature_state.updated'))
    .then((all) => all.slice(-1))
  expect(eventOf(received)).toMatchObject({
    type: 'feature_state.updated',
    data: { object: { type: 'FEATURE_STATE', name: 'dark_mode' }, changes: [{ field: 'enabled', old: false, new: true }] },
  })
  expect(received?.headers['webhook-signature']).toBe(signedBy(received, secret))
})

test('what fails is sent again, the same, before anything that came after it', async () => {
  const { hook, createFeature, deliveries, as, key } = await start()
  const failures = [500, 302, 404]
  const receiver = await receive(() => failures.shift() ?? 204)
  const { id } = await hook({ url: receiver.url, secret: 'a secret' })
  await createFeature('first')
  await receiver.until(1)
  await createFeature('second')
  for (const attempts of [1, 2, 3]) {
    await eventually(
      () => deliveries(id),
      (all) => all.at(-1)?.attempts.length === attempts,
    )
    await hurry()
  }
  const received = await receiver.until(5)
  expect(received.map((one) => eventOf(one).data.new_state.feature.name)).toEqual(['first', 'first', 'first', 'first', 'second'])
  expect(new Set(received.slice(0, 4).map(({ headers, body }) => `${String(headers['webhook-id'])} ${body}`)).size).toBe(1)
  const [, first] = await eventually(
    () => deliveries(id),
    (all) => all.every(({ state }) => state === 'delivered'),
  )
  expect(first?.attempts.map(({ status, error }) => [status, error])).toEqual([
    [500, 'The receiver answered 500.'],
    [302, 'The receiver answered 302.'],
    [404, 'The receiver answered 404.'],
    [204, null],
  ])
  expect(await as('environmentWebhooks').getDelivery({ params: { ...key, webhook: id, delivery: first?.id ?? 0 } })).toMatchObject({
    request: received[0]?.body,
    response: '',
  })
})

test('a delivery whose sender ended between sending and marking is sent again with the same id', async () => {
  const { hook, createFeature, deliveries } = await start()
  const receiver = await receive()
  const { id } = await hook({ url: receiver.url })
  await createFeature('dark_mode')
  const [before] = await receiver.until(1)
  await eventually(
    () => deliveries(id),
    (all) => all.every(({ state }) => state === 'delivered'),
  )
  // What such an end leaves: nothing marked, a lease that runs out, and a job that another worker takes over.
  await sql`
    update webhook_deliveries set state = 'pending', finished_at = null, attempts = '[]', leased_until = now() - interval '1 second'
     where webhook_id = ${id}`.execute(server.control.db)
  await sql`insert into jobs (name, payload) values ('deliver_webhook', jsonb_build_object('webhookId', ${id}::integer))`.execute(
    server.control.db,
  )
  await sql`select pg_notify('halyard_jobs', '')`.execute(server.control.db)
  const [, again] = await receiver.until(2)
  expect([again?.headers['webhook-id'], again?.body]).toEqual([before?.headers['webhook-id'], before?.body])
})

test('endpoints that hang hold up nobody else', async () => {
  const { hook, createFeature } = await start()
  const [dead, healthy] = [await receive(() => undefined), await receive()]
  for (let index = 0; index < 6; index += 1) await hook({ url: `${dead.url}${index}` })
  for (let index = 0; index < 12; index += 1) await hook({ url: `${healthy.url}${index}` })
  await createFeature('warm_up')
  await healthy.until(12)
  const began = performance.now()
  for (const name of ['one', 'two', 'three']) await createFeature(name)
  await healthy.until(48)
  expect(performance.now() - began).toBeLessThan(5_000)
  for (let index = 0; index < 12; index += 1) {
    const own = healthy.received.filter(({ path }) => path === `/${index}`).map((one) => eventOf(one).data.new_state.feature.name)
    expect(own).toEqual(['warm_up', 'one', 'two', 'three'])
  }
})

describe('a webhook that is given up', () => {
  const disabled = (id: number) =>
    eventually(
      () => server.control.db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
      ({ enabled }) => !enabled,
    )

  test('after 75 hours without success is turned off; somebody is told, and can have everything sent again', async () => {
    const { hook, createFeature, deliveries, as, key, inOrganisation, authorization } = await start()
    await as('organisations').update({ params: inOrganisation, body: { webhook_notification_email: 'ops@example.com' } })
    let status = 500
    const receiver = await receive(() => status)
    const { id } = await hook({ url: receiver.url })
    await createFeature('first')
    await createFeature('second')
    await eventually(
      () => deliveries(id),
      (all) => all.at(-1)?.attempts.length === 1,
    )
    await sql`update webhook_deliveries set first_attempt_at = now() - interval '76 hours' where webhook_id = ${id} and attempts <> '[]'`.execute(
      server.control.db,
    )
    await hurry()
    expect(await disabled(id)).toMatchObject({ disabled_reason: expect.stringContaining('75 hours') })
    const given = await deliveries(id)
    expect(given.map(({ state }) => state)).toEqual(['failed', 'failed'])
    const { results } = await as('audit').listOfOrganisation({ params: inOrganisation, query: { type: 'webhook.disabled' } })
    expect(results).toMatchObject([{ is_system_event: true, related_object_id: id }])
    status = 200
    const replay = (delivery: number) =>
      server.send('POST', `/api/v1/environments/${key.environment_key}/webhooks/${id}/deliveries/${delivery}/replay/`, { authorization })
    expect(await replay(given[1]?.id ?? 0)).toMatchObject({
      status: 400,
      body: { non_field_errors: [expect.stringContaining('Turn it on')] },
    })
    await as('environmentWebhooks').update({ params: { ...key, webhook: id }, body: { enabled: true } })
    for (const { id: delivery } of given.toReversed()) expect((await replay(delivery)).status).toBe(202)
    await eventually(
      () => deliveries(id),
      (all) => all.every(({ state }) => state === 'delivered'),
    )
    const names = receiver.received.slice(-2).map((one) => [one.headers['webhook-id'], eventOf(one).data.new_state.feature.name])
    expect(names).toEqual([
      [given[1]?.uuid, 'first'],
      [given[0]?.uuid, 'second'],
    ])
  })

  test('because it says that it is gone is turned off at once', async () => {
    const { hook, createFeature } = await start()
    const receiver = await receive(() => 410)
    const { id } = await hook({ url: receiver.url })
    await createFeature('first')
    expect(await disabled(id)).toMatchObject({ disabled_reason: 'The receiver answered 410: it is gone.' })
    await createFeature('second')
    expect(receiver.received).toHaveLength(1)
  })
})

test('a secret is shown when it is set, and never again; while it changes both sign', async () => {
  const { hook, as, key, createFeature } = await start()
  const receiver = await receive()
  const { id, secret: first } = await hook({ url: receiver.url, format: 'standard' })
  const params = { ...key, webhook: id }
  expect(await as('environmentWebhooks').get({ params })).toMatchObject({ secret: '********' })
  expect(await as('environmentWebhooks').list({ params: key })).toMatchObject([{ secret: '********' }])
  const kept = await as('environmentWebhooks').replace({ params, body: { url: `${receiver.url}new`, secret: '********' } })
  expect(kept.secret).toBe('********')
  const second = `whsec_${Buffer.alloc(24, 'x').toString('base64')}`
  expect(await as('environmentWebhooks').update({ params, body: { secret: second } })).toMatchObject({ secret: second })
  await createFeature('dark_mode')
  const received = await receiver.until((all) => all.some((one) => eventOf(one).type === 'feature.created'))
  const last = received.at(-1)
  expect(last?.headers['webhook-signature']).toBe(`${signedBy(last, second)} ${signedBy(last, first)}`)
  for (const secret of [first, second]) {
    const { rows } = await sql`
      select from webhooks w where w::text like ${`%${secret}%`} union all select from changes c where c::text like ${`%${secret}%`}
      union all select from jobs j where j::text like ${`%${secret}%`} union all select from webhook_deliveries d where d::text like ${`%${secret}%`}`.execute(
      server.control.db,
    )
    expect(rows).toEqual([])
  }
  const short = await server.send('PATCH', `/api/v1/environments/${key.environment_key}/webhooks/${id}/`, {
    authorization: (await start()).authorization,
    body: { secret: 'short' },
  })
  expect(short.status).toBe(404)
})

test('a secret that Standard Webhooks do not know is refused', async () => {
  const { authorization, key } = await start()
  const answer = await server.send('POST', `/api/v1/environments/${key.environment_key}/webhooks/`, {
    authorization,
    body: { url: 'https://example.com/', format: 'standard', secret: 'short' },
  })
  expect(answer).toMatchObject({ status: 400, body: { secret: [expect.stringContaining('whsec_')] } })
})

describe('a test call', () => {
  const path = '/api/v1/webhooks/test/'

  test('sends a signed sample and tells what was answered', async () => {
    const { authorization, organisation, key } = await start()
    const receiver = await receive(({ path }) => (path === '/bad' ? 503 : 200))
    const scope = { type: 'environment', id: key.environment_key }
    const good = await server.send('POST', path, { authorization, body: { webhook_url: receiver.url, secret: 'a secret', scope } })
    expect(good).toMatchObject({ status: 200, body: { detail: 'Webhook test successful', status: 200 } })
    expect(receiver.received[0]?.headers['x-flagsmith-signature']).toBe(hex('a secret', receiver.received[0]?.body ?? ''))
    expect(eventOf(receiver.received[0])).toMatchObject({ event_type: 'FLAG_UPDATED' })
    const ofOrganisation = { type: 'organisation', id: organisation.id }
    const bad = await server.send('POST', path, { authorization, body: { webhook_url: `${receiver.url}bad`, scope: ofOrganisation } })
    expect(bad).toMatchObject({ status: 400, body: { detail: 'The receiver answered 503.', body: 'answered 503', status: 503 } })
    const stranger = await start()
    for (const scope of [ofOrganisation, { type: 'environment', id: key.environment_key }]) {
      const answer = await server.send('POST', path, { authorization: stranger.authorization, body: { webhook_url: receiver.url, scope } })
      expect(answer.status).toBe(404)
    }
    expect(receiver.received).toHaveLength(2)
  })

  test('reaches the public internet only, a few times a minute', async () => {
    const strict = await startServer({ outbound: { allow: [], ports: [80, 443] }, webhookTestsPerMinute: 6 })
    try {
      const { authorization, environment } = await strict.makeProject()
      const receiver = await receive()
      const inside = expect.stringContaining('not an address on the public internet')
      const created = await strict.send('POST', `/api/v1/environments/${environment.api_key}/webhooks/`, {
        authorization,
        body: { url: receiver.url },
      })
      expect(created).toMatchObject({ status: 400, body: { url: [inside] } })
      const sample = { webhook_url: receiver.url, scope: { type: 'environment', id: environment.api_key } }
      const answers = []
      for (let count = 0; count < 7; count += 1) answers.push(await strict.send('POST', path, { authorization, body: sample }))
      expect(answers[0]).toMatchObject({ status: 400, body: { detail: inside } })
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400, 429])
      expect(receiver.received).toEqual([])
    } finally {
      await strict.close()
    }
  })
})
