import { api } from '@halyard/contract'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type TestServer } from '../testing/start-server.ts'
import { isLike } from './rules.ts'

let server: TestServer
let issuing: Server
let issuer: string
const keys = generateKeyPair('RS256')
const foreignKeys = generateKeyPair('RS256')

beforeAll(async () => {
  const jwk = { ...(await exportJWK((await keys).publicKey)), kid: 'first', alg: 'RS256', use: 'sig' }
  issuing = createServer((request, response) => {
    const answers: Record<string, unknown> = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/jwks` },
      '/jwks': { keys: [jwk] },
    }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answers[request.url ?? ''] ?? null))
  }).listen(0, '127.0.0.1')
  await once(issuing, 'listening')
  const address = issuing.address()
  issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  server = await startServer()
})
afterAll(async () => {
  await server.close()
  issuing.close()
})

async function startTrust(overrides: object = {}) {
  const { authorization, organisation, project } = await server.makeProject()
  const params = { organisation: organisation.id }
  const audience = randomUUID()
  const body = {
    name: 'Deploys',
    issuer,
    audience,
    claim_rules: [{ claim: 'repository', values: ['acme/*'] }],
    is_admin: true,
    ...overrides,
  }
  const trust = server.as(authorization, api.trustRelationships)
  const made = await trust.create({ params, body })
  return { authorization, params, project, audience, trust, made }
}

const claims = { repository: 'acme/shop', sub: 'repo:acme/shop:ref:refs/heads/main' }

async function sign(audience: string | string[], overrides: Record<string, unknown> = {}, header: object = {}, by = keys): Promise<string> {
  const at = Math.floor(Date.now() / 1000)
  return new SignJWT({ iss: issuer, aud: audience, iat: at, exp: at + 300, ...claims, ...overrides })
    .setProtectedHeader({ alg: 'RS256', kid: 'first', typ: 'JWT', ...header })
    .sign((await by).privateKey)
}

const exchange = (token: string) => server.send('POST', '/api/v1/auth/oidc/token/', { body: { token } })

async function bearerFor(token: string): Promise<string> {
  const { access_token: bearer } = await server.as('', api.trustRelationships).exchange({ body: { token } })
  return `Bearer ${bearer}`
}

describe('a workflow', () => {
  test('gets a token that acts in its organisation for an hour, which is recorded and not listed among the keys', async () => {
    const { authorization, params, project, audience, made } = await startTrust()
    const answer = await exchange(await sign(audience))
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 3600 } })
    const bearer = await bearerFor(await sign(['other', audience]))
    expect((await server.send('GET', `/api/v1/projects/${project.id}/`, { authorization: bearer })).status).toBe(200)
    const other = await server.makeProject()
    expect((await server.send('GET', `/api/v1/projects/${other.project.id}/`, { authorization: bearer })).status).toBe(404)
    const change = await server.control.db.selectFrom('changes').selectAll().where('type', '=', 'trust_relationship.token_issued').execute()
    expect(change.at(-1)).toMatchObject({
      actor_kind: 'api_key',
      actor_name: 'Deploys',
      subject_id: String(made.id),
      after: { sub: claims.sub },
    })
    expect(await server.as(authorization, api.masterApiKeys).list({ params })).toMatchObject({ count: 0 })
  })

  test('is shut out at once when it is trusted no more', async () => {
    const { params, project, audience, trust, made } = await startTrust()
    const bearer = await bearerFor(await sign(audience))
    await trust.delete({ params: { ...params, trust_relationship: made.id } })
    expect((await server.send('GET', `/api/v1/projects/${project.id}/`, { authorization: bearer })).status).toBe(401)
    expect((await exchange(await sign(audience))).status).toBe(401)
  })

  test('manages neither keys nor trust', async () => {
    const { params, audience } = await startTrust()
    const authorization = await bearerFor(await sign(audience))
    for (const noun of ['master-api-keys', 'trust-relationships'])
      expect((await server.send('GET', `/api/v1/organisations/${params.organisation}/${noun}/`, { authorization })).status).toBe(403)
  })
})

const seconds = () => Math.floor(Date.now() / 1000)
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const forged: Record<string, (audience: string) => Promise<string>> = {
  'nothing like a token': async () => 'not.a.token',
  'one without a signature': async (audience) =>
    new UnsecuredJWT({ ...claims, iss: issuer, aud: audience, iat: seconds(), exp: seconds() + 300 }).encode(),
  'one of another key': (audience) => sign(audience, {}, {}, foreignKeys),
  'one of another key under a key id of its own': (audience) => sign(audience, {}, { kid: 'other' }, foreignKeys),
  'one that brings its own key': async (audience) =>
    sign(audience, {}, { jwk: await exportJWK((await foreignKeys).publicKey) }, foreignKeys),
  'one that says where its keys are': (audience) => sign(audience, {}, { jku: 'https://evil.example/jwks' }, foreignKeys),
  'one signed with the public key as a secret': async (audience) => {
    const secret = new TextEncoder().encode(JSON.stringify(await exportJWK((await keys).publicKey)))
    return new SignJWT({ ...claims, iss: issuer, aud: audience, iat: seconds(), exp: seconds() + 300 })
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(secret)
  },
  'one that was changed': async (audience) => {
    const [header, , signature] = (await sign(audience, { repository: 'other/shop' })).split('.')
    return [header, part({ ...claims, iss: issuer, aud: audience, iat: seconds(), exp: seconds() + 300 }), signature].join('.')
  },
  'one cut short': async (audience) => (await sign(audience)).split('.').slice(0, 2).join('.'),
  'an expired one': (audience) => sign(audience, { iat: seconds() - 900, exp: seconds() - 600 }),
  'one that is not good yet': (audience) => sign(audience, { nbf: seconds() + 600 }),
  'one of the future': (audience) => sign(audience, { iat: seconds() + 600, exp: seconds() + 900 }),
  'one that never ends': (audience) => sign(audience, { exp: undefined }),
  'one that is days old': (audience) => sign(audience, { iat: seconds() - 3 * 86_400 }),
  'one of another issuer': (audience) => sign(audience, { iss: 'https://evil.example' }),
  'one of almost the issuer': (audience) => sign(audience, { iss: `${issuer}/` }),
  'one for another audience': () => sign(randomUUID()),
  'one without an audience': (audience) => sign(audience, { aud: undefined }),
  'one of another repository': (audience) => sign(audience, { repository: 'evil/acme/shop' }),
  'one that does not say its repository': (audience) => sign(audience, { repository: undefined }),
  'one whose repository is an object': (audience) => sign(audience, { repository: { name: 'acme/shop' } }),
  'one for another use': (audience) => sign(audience, {}, { typ: 'logout+jwt' }),
  'one with a header nobody knows to be critical': (audience) => sign(audience, {}, { crit: ['exp'], exp: 1 }).catch(() => 'a.b.c'),
}

test.each(Object.entries(forged))('%s is refused, in the same words as all', async (_, forge) => {
  const { audience } = await startTrust()
  const answer = await exchange(await forge(audience))
  expect(answer).toMatchObject({ status: 401, body: { detail: expect.stringContaining('not one that a trust relationship lets in') } })
})

describe('a trust relationship', () => {
  test('is with an issuer and audience that nobody else named, and can be changed', async () => {
    const { params, trust, made, audience } = await startTrust()
    const other = await startTrust()
    const { id: _, created_at: __, ...settings } = made
    await expect(other.trust.create({ params: other.params, body: settings })).rejects.toMatchObject({ status: 400 })
    const at = { ...params, trust_relationship: made.id }
    expect(await trust.update({ params: at, body: { claim_rules: [{ claim: 'repository', values: ['other/*'] }] } })).toMatchObject({
      audience,
    })
    expect((await exchange(await sign(audience))).status).toBe(401)
    expect((await exchange(await sign(audience, { repository: 'other/shop' }))).status).toBe(200)
  })

  test.each([
    ['a plain http address', { issuer: 'http://issuer.example' }],
    ['an address inside', { issuer: 'https://169.254.169.254' }],
    ['no address', { issuer: 'github' }],
    ['a query', { issuer: 'https://issuer.example?x=1' }],
  ])('is not with %s', async (_, overrides) => {
    await expect(startTrust(overrides)).rejects.toMatchObject({ status: 400 })
  })

  test('needs a rule', async () => {
    await expect(startTrust({ claim_rules: [] })).rejects.toMatchObject({ status: 400 })
    await expect(startTrust({ claim_rules: [{ claim: 'repository', values: [] }] })).rejects.toMatchObject({ status: 400 })
  })
})

test.each([
  ['acme/shop', 'acme/shop', true],
  ['acme/shop', 'acme/*', true],
  ['acme/shop', '*', true],
  ['acme/shop', 'a*e/*p', true],
  ['acme/shop', 'acme', false],
  ['xacme/shop', 'acme/*', false],
  ['acme/shop', '*shop*shop', false],
  ['ab', 'ab*b', false],
  ['acme.shop', 'acme?shop', false],
])('%s is like %s: %s', (text, pattern, expected) => expect(isLike(text, pattern)).toBe(expected))
