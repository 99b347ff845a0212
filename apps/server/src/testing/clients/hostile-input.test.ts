import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { api } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type Answer, type TestServer } from '../start-server.ts'
import {
  createFeature,
  createOverride,
  createSegment,
  overrideFor,
  populateProject,
  storedTraits,
  type PopulatedProject,
} from './populated-project.ts'
import { identify } from './sdk-requests.ts'

let server: TestServer
let project: PopulatedProject
let key: string
beforeAll(async () => {
  server = await startServer()
  project = await populateProject(server)
  key = project.environment.api_key
})
afterAll(() => server.close())

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  server.send('POST', path, {
    authorization: project.authorization,
    headers: { 'x-environment-key': key, 'x-api-key': key, ...headers },
    body,
  })
const get = (path: string) => server.send('GET', path, { authorization: project.authorization, headers: { 'x-environment-key': key } })

const brief = ({ status, body }: Answer) => ({ status, body })

/** One route of each kind; the last two take the key and the token from other headers than the first. */
const sdkRoute = '/api/v1/identities/'
const adminRoute = '/api/v1/environments/'
const ofrepRoute = '/ofrep/v1/evaluate/flags'
const routes = [sdkRoute, '/api/v1/traits/', '/api/v1/analytics/flags/', '/v1/events', adminRoute, `${ofrepRoute}/banner`, ofrepRoute]
// OpenFeature asks by the header X-API-Key, so that a token for people must not be taken for a key.
const send = (path: string, body: unknown) =>
  path.startsWith('/ofrep/') ? server.send('POST', path, { headers: { 'x-api-key': key }, body }) : post(path, body)

const deep = (levels: number) => `{"name":${'['.repeat(levels)}${']'.repeat(levels)}}`

describe('bodies', () => {
  for (const route of routes) {
    test.each([
      ['larger than 1 MB', 413, JSON.stringify({ name: 'x'.repeat(1024 * 1024) })],
      ['cut short', 400, '{"name":'],
      ['of another language', 400, '<name>x</name>'],
      ['10 000 levels deep', 400, deep(10_000)],
      ['open for 10 000 levels', 400, '['.repeat(10_000)],
      ['with a number beyond all bounds', 400, '{"name":1e400,"identifier":"refused","traits":[{"trait_key":"k","trait_value":1e400}]}'],
    ])(`${route} refuses one that is %s`, async (_, status, body) => {
      const answer = await send(route, body)
      expect(answer.status).toBe(status)
      expect(answer.headers.get('content-type')).toContain('application/json')
      expect(answer.body).toEqual(expect.any(Object))
    })

    test.each(['null', '1', '"text"', '[1]', 'true'])(`${route} refuses %s, which is no object`, async (body) => {
      expect((await send(route, body)).status).toBe(400)
    })
  }

  test.each([
    [{ identifier: true }, { identifier: ['Not a valid string.'] }],
    [{ identifier: {} }, { identifier: ['Not a valid string.'] }],
    [{ traits: 'plan' }, { traits: ['Expected a list of items but got type "str".'] }],
    [{ traits: [1] }, { traits: [{ non_field_errors: ['Invalid data. Expected a dictionary, but got int.'] }] }],
    [{ traits: [{ trait_key: 'k' }] }, { traits: [{ trait_value: ['This field is required.'] }] }],
    [{ traits: [{ trait_key: 'k', trait_value: 1 }, { trait_value: 1 }] }, { traits: [{}, { trait_key: ['This field is required.'] }] }],
    [{ traits: [{ trait_key: ' ', trait_value: 1 }] }, { traits: [{ trait_key: ['This field may not be blank.'] }] }],
    [{ traits: [{ trait_key: 'k'.repeat(201), trait_value: 1 }] }, { traits: [{ trait_key: [expect.stringContaining('200')] }] }],
    [
      { traits: [{ trait_key: 'k', trait_value: 'v'.repeat(2001) }] },
      { traits: [{ trait_value: ['Value string is too long. Must be less than 2000 character'] }] },
    ],
    [{ transient: 'perhaps' }, { transient: ['Must be a valid boolean.'] }],
    [{ identifier: 'x'.repeat(2001) }, { identifier: [expect.stringContaining('2000 characters')] }],
    [{ identifier: 'é'.repeat(1001) }, { identifier: [expect.stringContaining('2000 bytes')] }],
    [{ identifier: 'nul\0' }, { identifier: [expect.stringContaining('Null characters')] }],
    [{ identifier: 'half\ud800' }, { identifier: [expect.stringContaining('surrogates')] }],
    [{ traits: [{ trait_key: 'k\0', trait_value: 1 }] }, { traits: [{ trait_key: [expect.stringContaining('Null characters')] }] }],
    [{ traits: [{ trait_key: 'k', trait_value: '\udfff' }] }, { traits: [{ trait_value: [expect.stringContaining('surrogates')] }] }],
  ])('an identity is refused with the field that is wrong, and nothing of it is stored (%#)', async (wrong, errors) => {
    const answer = await post(sdkRoute, { identifier: 'refused', traits: [{ trait_key: 'other', trait_value: 1 }], ...wrong })
    expect(brief(answer)).toEqual({ status: 400, body: errors })
    expect(await storedTraits(server, project, 'refused')).toBeUndefined()
  })

  test.each([
    [{ name: 1 }, { name: ['Not a valid string.'] }],
    [{ name: 'nul\0' }, { name: [expect.stringContaining('Null characters')] }],
    [{ name: 'half\ud800' }, { name: [expect.stringContaining('surrogate')] }],
    [{ name: ['a'] }, { name: ['Not a valid string.'] }],
    [{ name: 'x'.repeat(2001) }, { name: [expect.stringContaining('2000 characters')] }],
    [{ hide_disabled_flags: 'no' }, { hide_disabled_flags: ['Must be a valid boolean.'] }],
    [{ minimum_change_request_approvals: 2 ** 53 }, { minimum_change_request_approvals: expect.any(Array) }],
    [{ minimum_change_request_approvals: 1.5 }, { minimum_change_request_approvals: [expect.any(String)] }],
  ])('an administrator is refused with the field that is wrong, and nothing is changed (%#)', async (wrong, errors) => {
    const before = await lastChange()
    const answer = await post(adminRoute, { name: 'Refused', project: project.project.id, ...wrong })
    expect(brief(answer)).toEqual({ status: 400, body: errors })
    expect(await lastChange()).toEqual(before)
  })

  test('one that is no UTF-8 is refused', async () => {
    for (const path of [sdkRoute, adminRoute]) {
      const head = [
        `Authorization: ${project.authorization}`,
        `X-Environment-Key: ${key}`,
        'Content-Type: application/json',
        'Content-Length: 44',
      ]
      const answer = await sendRaw(
        `POST ${path}`,
        head,
        `{"name":"\xe9","identifier":"\xe9","project":${project.project.id}`.padEnd(43) + '}',
      )
      expect({ path, answer }).toEqual({ path, answer: expect.stringMatching(/^HTTP\/1.1 400 .*UTF-8/s) })
    }
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml', 'nonsense'])(
    'of the type %s are refused',
    async (type) => {
      expect((await post(sdkRoute, '{}', { 'content-type': type })).status).toBe(415)
      expect((await post(adminRoute, '{}', { 'content-type': type })).status).toBe(415)
    },
  )
})

describe('what looks like an attack and is none', () => {
  test('traits named like members of every object are stored and decide like any other', async () => {
    const named = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '$.identity.identifier']
    const { id } = await createFeature(server, project, { name: 'prototypes' })
    for (const property of named) {
      const segment = await createSegment(server, project, {
        name: `by ${property}`,
        rules: [{ type: 'ALL', conditions: [{ property, operator: 'EQUAL', value: 'polluted' }] }],
      })
      await createOverride(server, project, id, {
        feature_segment: { segment },
        enabled: true,
        feature_state_value: { string_value: property },
      })
    }
    const plain = await identify(server, key, { identifier: 'plain' })
    expect(plain.flags['prototypes']).toMatchObject({ enabled: false })
    for (const property of named) {
      const identifier = `has ${property}`
      const { flags } = await identify(server, key, { identifier, traits: [{ trait_key: property, trait_value: 'polluted' }] })
      expect(flags['prototypes']).toMatchObject({ enabled: true, value: property })
      expect(JSON.stringify(await storedTraits(server, project, identifier))).toBe(
        JSON.stringify(Object.fromEntries([[property, 'polluted']])),
      )
      const again = await identify(server, key, { identifier })
      expect(again.flags['prototypes']).toMatchObject({ value: property })
    }
  })

  test('an identity may be called like one of them', async () => {
    for (const identifier of ['__proto__', 'constructor', 'null', 'undefined', '0', "' or 1=1 --", '%00', '../../etc/passwd', '*']) {
      await overrideFor(server, project, identifier, {
        feature: project.features.banner,
        enabled: true,
        feature_state_value: `For ${identifier}`,
      })
      expect((await identify(server, key, { identifier })).flags['banner']?.value).toBe(`For ${identifier}`)
    }
  })

  test('a feature may be called like one of them', async () => {
    for (const name of ['__proto__', 'constructor', 'a/b %20', '🦊']) {
      await createFeature(server, project, { name, default_enabled: true, initial_value: name })
      const alone = await get(`/api/v1/flags/?feature=${encodeURIComponent(name)}`)
      expect(brief(alone)).toMatchObject({ status: 200, body: { feature: { name }, feature_state_value: name } })
      const evaluated = await send(`${ofrepRoute}/${encodeURIComponent(name)}`, { context: {} })
      expect(brief(evaluated)).toMatchObject({ status: 200, body: { key: name, value: name } })
      expect((await post('/api/v1/analytics/flags/', `{${JSON.stringify(name)}:1}`)).status).toBe(200)
    }
  })

  test('integers beyond 2^53 stay exact', async () => {
    const body =
      '{"identifier":"big","traits":[{"trait_key":"snowflake","trait_value":12345678901234567890},{"trait_key":"negative","trait_value":-9007199254740993}]}'
    expect((await post(sdkRoute, body)).status).toBe(200)
    expect(await storedTraits(server, project, 'big')).toEqual({ snowflake: '12345678901234567890', negative: '-9007199254740993' })
  })

  test('the longest identifier, key and text are taken', async () => {
    const identifier = 'x'.repeat(2000)
    const longest = { ['k'.repeat(200)]: 'ü'.repeat(2000) }
    await identify(server, key, {
      identifier,
      traits: Object.entries(longest).map(([name, value]) => ({ trait_key: name, trait_value: value })),
    })
    expect(await storedTraits(server, project, identifier)).toEqual(longest)
  })

  test('objects and lists as values are kept as text', async () => {
    await identify(server, key, {
      identifier: 'objects',
      traits: [
        { trait_key: 'o', trait_value: { value: 'x', transient: true } },
        { trait_key: 'l', trait_value: [1, null] },
      ],
    })
    expect(await storedTraits(server, project, 'objects')).toEqual({ o: '{"value":"x","transient":true}', l: '[1,null]' })
  })
})

describe('keys and tokens', () => {
  const statusWith = async (environmentKey: string) =>
    (await server.send('GET', '/api/v1/flags/', { headers: { 'x-environment-key': environmentKey } })).status

  test.each([
    ['empty', ''],
    ['blank', ' '],
    ['unknown', 'unknown'],
    ['unknown and a server’s', 'ser.unknown'],
    ['only the prefix', 'ser.'],
    ['no ASCII', 'é'],
    ['very long', 'x'.repeat(4000)],
    ['SQL', "' or 1=1 --"],
    ['a path', '../../'],
  ])('a key that is %s opens nothing', async (_, unknown) => {
    expect(await statusWith(unknown)).toBe(403)
    const asked = await server.send('POST', ofrepRoute, { headers: { 'x-api-key': unknown }, body: { context: {} } })
    expect(asked.status).toBe(401)
  })

  test('no key opens nothing', async () => {
    for (const path of ['/api/v1/flags/', '/api/v1/identities/?identifier=a', '/api/v1/environment-document/']) {
      expect({ path, ...brief(await server.send('GET', path)) }).toEqual({
        path,
        status: 403,
        body: { detail: 'Invalid or missing Environment key' },
      })
    }
    expect((await server.send('POST', '/v1/events', { body: { events: [] } })).status).toBe(401)
  })

  test('a key that is expired or inactive opens nothing', async () => {
    const keys = server.as(project.authorization, api.environmentApiKeys)
    const params = { environment_key: key }
    const expired = await keys.create({ params, body: { name: 'Expired', expires_at: '2020-01-01T00:00:00Z' } })
    const inactive = await keys.create({ params, body: { name: 'Inactive', active: false } })
    expect([await statusWith(expired.key), await statusWith(inactive.key)]).toEqual([403, 403])
  })

  test.each([
    ['empty', ''],
    ['without a token', 'Token'],
    ['with an unknown token', 'Token unknown'],
    ['with an endless token', `Token ${'x'.repeat(4000)}`],
    ['with a token that is no ASCII', 'Token é'],
    ['of another scheme', 'Basic eDp5'],
    ['for OpenFeature', 'Bearer x'],
    ['with half an API key', 'Api-Key x'],
    ['with an unknown API key', 'Api-Key a.b'],
    ['nonsense', 'nonsense'],
  ])('an authorization that is %s is nobody', async (_, authorization) => {
    const answer = await server.send('GET', '/api/v1/organisations/', { authorization })
    expect(brief(answer)).toEqual({ status: 401, body: { detail: expect.any(String) } })
  })

  test('a key for SDKs is no authorization for administrators', async () => {
    for (const own of [key, project.serverKey]) {
      const answers = await Promise.all(
        [`Token ${own}`, `Api-Key ${own}`].map((authorization) => server.send('GET', '/api/v1/organisations/', { authorization })),
      )
      expect(answers.map(({ status }) => status)).toEqual([401, 401])
    }
  })
})

describe('ids of others', () => {
  test('are not found in paths, and refused in bodies', async () => {
    const other = await server.makeProject()
    const { id: feature } = await createFeature(server, other, { name: 'theirs' })
    const segment = await createSegment(server, other, {
      name: 'theirs',
      rules: [{ type: 'ALL', conditions: [{ property: 'a', operator: 'IS_SET' }] }],
    })
    const { identity } = await overrideFor(server, other, 'theirs', { feature, enabled: true })
    const before = await lastChange()
    for (const path of [
      `/api/v1/projects/${other.project.id}/`,
      `/api/v1/environments/${other.environment.api_key}/`,
      `/api/v1/projects/${project.project.id}/features/${feature}/`,
      `/api/v1/projects/${project.project.id}/segments/${segment}/`,
      `/api/v1/environments/${key}/identities/${identity}/`,
      `/api/v1/environments/${other.environment.api_key}/identities/${identity}/traits/`,
    ]) {
      expect({ path, status: (await get(path)).status }).toEqual({ path, status: 404 })
    }
    const foreignFeature = await post(`/api/v1/environments/${key}/features/${feature}/create-segment-override/`, {
      feature_segment: { segment: project.segments.staff },
      enabled: true,
    })
    const foreignSegment = await post(`/api/v1/environments/${key}/features/${project.features.theme}/create-segment-override/`, {
      feature_segment: { segment },
      enabled: true,
    })
    expect([foreignFeature.status, foreignSegment.status]).toEqual([404, 400])
    expect(await lastChange()).toEqual(before)
  })
})

describe('addresses', () => {
  test.each([
    '/%zz',
    '/api/v1/flags/%zz',
    '/api/v1/identities/%zz/',
    '/sse/environments/%zz/stream',
    '/api/v1/environments/%zz/',
    '/api/v1/flags/%ff',
  ])('%s cannot be decoded', async (path) => {
    expect(brief(await get(path))).toEqual({ status: 400, body: { detail: expect.stringContaining('not a valid url') } })
  })

  test.each([
    '/nothing',
    '/api/v1/nothing/',
    '/api/v9/flags/',
    '/API/v1/flags/',
    '/sse/nothing',
    '/ofrep/v1/configuration',
    '/api/v1/projects/abc/',
    '/api/v1/projects/99999999999999999999/',
    '/api/v1/projects/-1/',
    '/api/v1/environments/%00/',
  ])('there is nothing at %s', async (path) => {
    expect(brief(await get(path))).toEqual({ status: 404, body: { detail: expect.any(String) } })
  })

  test.each([
    ['PUT', '/api/v1/flags/'],
    ['DELETE', '/api/v1/identities/'],
    ['POST', '/api/v1/environment-document/'],
    ['POST', `/sse/environments/any/stream`],
    ['GET', ofrepRoute],
    ['PUT', '/api/v1/organisations/'],
    ['PATCH', '/api/v1/projects/'],
  ])('%s is not for %s, and the answer says what is', async (method, path) => {
    const answer = await server.send(method, path, { authorization: project.authorization, headers: { 'x-environment-key': key } })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, expect.stringMatching(/[A-Z]/)])
    expect(answer.body).toEqual(expect.any(Object))
  })

  test('an odd query is read as far as it makes sense', async () => {
    const seen = async (query: string) => brief(await get(`/api/v1/identities/?${query}`))
    expect(await seen('identifier=first&identifier=second')).toMatchObject({ status: 200, body: { identifier: 'second' } })
    expect(await seen('identifier=%zz')).toMatchObject({ status: 200, body: { identifier: '%zz' } })
    expect(await seen('identifier=%00')).toMatchObject({ status: 400, body: { identifier: [expect.any(String)] } })
    expect(await seen(`identifier=${'x'.repeat(2001)}`)).toMatchObject({ status: 400, body: { identifier: [expect.any(String)] } })
    expect(await seen(`${'a=1&'.repeat(2000)}identifier=many`)).toMatchObject({ status: 200, body: { identifier: 'many' } })
    expect(await seen('__proto__=x&identifier=proto')).toMatchObject({ status: 200, body: { identifier: 'proto' } })
  })

  test('un-slashed addresses are as good, without a redirect', async () => {
    expect([(await get('/api/v1/flags')).status, (await post('/api/v1/identities', { identifier: 'slash' })).status]).toEqual([200, 200])
    expect((await server.send('GET', '/api/v1/organisations', { authorization: project.authorization })).status).toBe(200)
  })
})

describe('requests that no client sends', () => {
  const flags = 'GET /api/v1/flags/'
  const organisations = 'GET /api/v1/organisations/'
  const ownKey = () => `X-Environment-Key: ${key}`

  test.each<[string, number, string, () => string[]]>([
    ['two keys', 403, flags, () => [ownKey(), 'X-Environment-Key: other']],
    ['a NUL in a header', 400, flags, () => ['X-Environment-Key: a\0b']],
    ['a header of another encoding', 403, flags, () => ['X-Environment-Key: \xe9']],
    ['headers of 20 000 bytes', 431, flags, () => [ownKey(), `X-Odd: ${'x'.repeat(20_000)}`]],
    ['no such host', 400, organisations, () => [`Authorization: ${project.authorization}`, 'Host: [bad']],
    ['an empty host', 400, organisations, () => [`Authorization: ${project.authorization}`, 'Host: ']],
    ['a negative length', 400, 'POST /api/v1/identities/', () => [ownKey(), 'Content-Length: -1']],
    ['two lengths', 400, 'POST /api/v1/identities/', () => [ownKey(), 'Content-Length: 2', 'Content-Length: 3']],
    ['a length and chunks', 400, 'POST /api/v1/identities/', () => [ownKey(), 'Content-Length: 2', 'Transfer-Encoding: chunked']],
    ['a broken chunk', 400, 'POST /api/v1/identities/', () => [ownKey(), 'Transfer-Encoding: chunked', '', 'zz']],
    ['an odd address', 400, 'GET /api/v1/flags/\xe9', () => [ownKey()]],
    ['an unknown method', 400, 'BREW /api/v1/flags/', () => [ownKey()]],
    [
      'dates that are none',
      200,
      'GET /api/v1/environment-document/',
      () => [`X-Environment-Key: ${project.serverKey}`, 'If-Modified-Since: yesterday', 'If-Unmodified-Since: 1'],
    ],
    ['an ETag that is none', 200, flags, () => [ownKey(), 'If-None-Match: "', 'Accept: ,;q=', 'Accept-Encoding: *;q=x']],
  ])('with %s are answered %d', async (_, status, line, headers) => {
    const answer = await sendRaw(line, headers())
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  test('and none of all this has stopped the server', async () => {
    expect((await get('/health/liveness')).status).toBe(200)
    expect((await identify(server, key, { identifier: 'ada' })).flags['banner']?.value).toBe('Hello, colleague')
  })
})

const lastChange = async () => (await server.control.pool.query(`select max(id) as id from changes where actor_kind <> 'system'`)).rows

/** Bytes as they are, one per character; the answer likewise. */
async function sendRaw(line: string, headers: readonly string[], body = ''): Promise<string> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const host = headers.some((header) => header.startsWith('Host:')) ? [] : ['Host: halyard']
  socket.write([`${line} HTTP/1.1`, ...host, 'Connection: close', ...headers, '', body].join('\r\n'), 'latin1')
  return text(socket)
}
