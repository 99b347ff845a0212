import { api, type WrittenRule } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startServer, type TestProject, type TestServer } from '../start-server.ts'
import { changeDefault, createFeature, createOverride, createSegment, overrideFor } from './populated-project.ts'
import { identify, readFlags } from './sdk-requests.ts'

let server: TestServer
let project: TestProject
let params: { environment_key: string; project: number }
beforeAll(async () => {
  server = await startServer()
  project = await server.makeProject()
  params = { environment_key: project.environment.api_key, project: project.project.id }
  // What nobody asked for is not held, and is read anew: here it is the held one that has to follow.
  await readFlags(server, project.serverKey)
})
afterAll(() => server.close())

const flags = async () => (await readFlags(server, project.environment.api_key)).flags
const flagsOf = async (identifier: string, traits: Record<string, string> = {}) => {
  const written = Object.entries(traits).map(([key, value]) => ({ trait_key: key, trait_value: value }))
  return (await identify(server, project.environment.api_key, { identifier, transient: true, traits: written })).flags
}
const statusFor = async (key: string) => (await server.send('GET', '/api/v1/flags/', { headers: { 'x-environment-key': key } })).status

const isPlan = (plan: string): WrittenRule[] => [{ type: 'ALL', conditions: [{ property: 'plan', operator: 'EQUAL', value: plan }] }]
const text = (value: string) => ({ enabled: true, feature_state_value: { string_value: value } })

describe('the very next request sees', () => {
  test('a feature that is created, changed and deleted', async () => {
    const { id } = await createFeature(server, project, { name: 'feature', default_enabled: true, initial_value: 'first' })
    expect(await flags()).toMatchObject({ feature: { enabled: true, value: 'first' } })
    await changeDefault(server, project, id, { enabled: false, feature_state_value: 'second' })
    expect(await flags()).toMatchObject({ feature: { enabled: false, value: 'second' } })
    const features = server.as(project.authorization, api.features)
    await features.update({ params: { ...params, feature: id }, body: { is_server_key_only: true } })
    expect(await flags()).not.toHaveProperty('feature')
    expect((await readFlags(server, project.serverKey)).flags).toHaveProperty('feature')
    await features.delete({ params: { ...params, feature: id } })
    expect((await readFlags(server, project.serverKey)).flags).not.toHaveProperty('feature')
  })

  test('a variant that is added, weighed, changed and deleted', async () => {
    const { id } = await createFeature(server, project, { name: 'split', default_enabled: true, initial_value: 'control' })
    const variants = server.as(project.authorization, api.variants)
    const seen = async () => (await flagsOf('shopper'))['split']
    expect(await seen()).toEqual({ enabled: true, value: 'control', variant: null })
    const { id: variant } = await variants.create({
      params: { ...params, feature: id },
      body: { key: 'other', string_value: 'a', default_percentage_allocation: 0 },
    })
    expect(await seen()).toEqual({ enabled: true, value: 'control', variant: 'control' })
    await changeDefault(server, project, id, {
      multivariate_feature_state_values: [{ multivariate_feature_option: variant, percentage_allocation: 100 }],
    })
    expect(await seen()).toEqual({ enabled: true, value: 'a', variant: 'other' })
    await variants.update({ params: { ...params, feature: id, variant }, body: { string_value: 'b' } })
    expect(await seen()).toEqual({ enabled: true, value: 'b', variant: 'other' })
    await variants.delete({ params: { ...params, feature: id, variant } })
    expect(await seen()).toEqual({ enabled: true, value: 'control', variant: null })
  })

  test('a segment override that is added, moved, changed and removed', async () => {
    const { id } = await createFeature(server, project, { name: 'targeted', default_enabled: true, initial_value: 'all' })
    const first = await createSegment(server, project, {
      name: 'first',
      rules: [{ type: 'ALL', conditions: [{ property: 'plan', operator: 'IS_SET' }] }],
    })
    const second = await createSegment(server, project, {
      name: 'second',
      rules: isPlan('pro'),
    })
    const seen = async () => (await flagsOf('buyer', { plan: 'pro' }))['targeted']?.value
    const featureSegments = server.as(project.authorization, api.featureSegments)
    const firstPlace = await createOverride(server, project, id, { feature_segment: { segment: first }, ...text('first') })
    expect(await seen()).toBe('first')
    const secondPlace = await createOverride(server, project, id, { feature_segment: { segment: second }, ...text('second') })
    expect(await seen()).toBe('first')
    await featureSegments.updatePriorities({ body: [{ id: secondPlace, priority: 0 }] })
    expect(await seen()).toBe('second')
    const states = server.as(project.authorization, api.featureStates)
    const { results } = await states.listTyped({ query: { environment: project.environment.id, feature_segment: secondPlace } })
    await states.updateTyped({ params: { feature_state: results[0]?.id ?? 0 }, body: { feature_state_value: { string_value: 'changed' } } })
    expect(await seen()).toBe('changed')
    await featureSegments.delete({ params: { feature_segment: secondPlace } })
    expect(await seen()).toBe('first')
    await featureSegments.delete({ params: { feature_segment: firstPlace } })
    expect(await seen()).toBe('all')
  })

  test('a segment that is changed and deleted', async () => {
    const { id } = await createFeature(server, project, { name: 'segmented', default_enabled: true, initial_value: 'all' })
    const segment = await createSegment(server, project, {
      name: 'payers',
      rules: isPlan('pro'),
    })
    await createOverride(server, project, id, { feature_segment: { segment }, ...text('payers') })
    const seen = async (plan: string) => (await flagsOf('payer', { plan }))['segmented']?.value
    expect([await seen('pro'), await seen('team')]).toEqual(['payers', 'all'])
    const segments = server.as(project.authorization, api.segments)
    await segments.update({
      params: { ...params, segment },
      body: { rules: isPlan('team') },
    })
    expect([await seen('pro'), await seen('team')]).toEqual(['all', 'payers'])
    await segments.delete({ params: { ...params, segment }, query: { force: 'true' } })
    expect([await seen('pro'), await seen('team')]).toEqual(['all', 'all'])
  })

  test('an identity override that is created, changed and deleted', async () => {
    const { id: feature } = await createFeature(server, project, { name: 'personal', default_enabled: true, initial_value: 'all' })
    const seen = async () => (await flagsOf('vip'))['personal']?.value
    expect(await seen()).toBe('all')
    const { identity, id } = await overrideFor(server, project, 'vip', { feature, enabled: true, feature_state_value: 'vip' })
    expect(await seen()).toBe('vip')
    const overrides = server.as(project.authorization, api.identityOverrides)
    await overrides.update({ params: { ...params, identity, feature_state: id }, body: { feature_state_value: 'very vip' } })
    expect(await seen()).toBe('very vip')
    await overrides.delete({ params: { ...params, identity, feature_state: id } })
    expect(await seen()).toBe('all')
  })

  test('a trait that is written, changed and removed by an administrator', async () => {
    const seen = async () => (await identify(server, project.environment.api_key, { identifier: 'known' })).traits
    expect(await seen()).toEqual({})
    const { results } = await server.as(project.authorization, api.identities).list({ params, query: { q: '"known"' } })
    const of = { ...params, identity: results[0]?.id ?? 0 }
    const traits = server.as(project.authorization, api.identityTraits)
    const { id: trait } = await traits.create({ params: of, body: { trait_key: 'plan', string_value: 'pro' } })
    expect(await seen()).toEqual({ plan: 'pro' })
    await traits.update({ params: { ...of, trait }, body: { string_value: 'team' } })
    expect(await seen()).toEqual({ plan: 'team' })
    await traits.delete({ params: { ...of, trait } })
    expect(await seen()).toEqual({})
  })

  test('settings of the environment, the project and the organisation', async () => {
    const own = await server.makeProject()
    await createFeature(server, own, { name: 'off' })
    const count = async () => Object.keys((await readFlags(server, own.environment.api_key)).flags).length
    expect(await count()).toBe(1)
    const of = { environment_key: own.environment.api_key, project: own.project.id, organisation: own.organisation.id }
    await server.as(own.authorization, api.projects).update({ params: of, body: { hide_disabled_flags: true } })
    expect(await count()).toBe(0)
    await server.as(own.authorization, api.environments).update({ params: of, body: { hide_disabled_flags: false } })
    expect(await count()).toBe(1)
    await server.as(own.authorization, api.organisations).update({ params: of, body: { stop_serving_flags: true } })
    expect(await statusFor(own.environment.api_key)).toBe(403)
    await server.as(own.authorization, api.organisations).update({ params: of, body: { stop_serving_flags: false } })
    expect(await count()).toBe(1)
  })

  test('that an environment is gone, and that a project is', async () => {
    const own = await server.makeProject()
    const of = { project: own.project.id }
    const staging = await server.as(own.authorization, api.environments).create({ body: { name: 'Staging', project: own.project.id } })
    expect([await statusFor(staging.api_key), await statusFor(own.environment.api_key)]).toEqual([200, 200])
    await server.as(own.authorization, api.environments).delete({ params: { environment_key: staging.api_key } })
    expect([await statusFor(staging.api_key), await statusFor(own.environment.api_key)]).toEqual([403, 200])
    await server.as(own.authorization, api.projects).delete({ params: of })
    expect([await statusFor(own.environment.api_key), await statusFor(own.serverKey)]).toEqual([403, 403])
  })
})

test('every write makes the document newer', async () => {
  const { id } = await createFeature(server, project, { name: 'ticking' })
  let before = (await readFlags(server, project.environment.api_key)).updatedAt
  for (const enabled of [true, false, true]) {
    await changeDefault(server, project, id, { enabled })
    const { updatedAt } = await readFlags(server, project.environment.api_key)
    expect(updatedAt).toBeGreaterThan(before)
    before = updatedAt
  }
})

describe('keys', () => {
  test('a new client-side key opens and the old one does not, at once', async () => {
    const own = await server.makeProject()
    const fresh = `fresh-${own.environment.id}`
    expect([await statusFor(own.environment.api_key), await statusFor(fresh)]).toEqual([200, 403])
    await server
      .as(own.authorization, api.environments)
      .update({ params: { environment_key: own.environment.api_key }, body: { api_key: fresh } })
    expect([await statusFor(own.environment.api_key), await statusFor(fresh)]).toEqual([403, 200])
  })

  test('a server-side key opens once it is made, not while it is inactive, and never after it is deleted', async () => {
    const keys = server.as(project.authorization, api.environmentApiKeys)
    const { key, id } = await keys.create({ params, body: { name: 'CI' } })
    const of = { ...params, environment_api_key: id }
    expect(await statusFor(key)).toBe(200)
    await keys.update({ params: of, body: { active: false } })
    expect(await statusFor(key)).toBe(403)
    await keys.update({ params: of, body: { active: true } })
    expect(await statusFor(key)).toBe(200)
    await keys.delete({ params: of })
    expect(await statusFor(key)).toBe(403)
  })

  test('a server-side key opens until it expires', async () => {
    const keys = server.as(project.authorization, api.environmentApiKeys)
    const expiresAt = new Date(Date.now() + 1500)
    const { key } = await keys.create({ params, body: { name: 'Short', expires_at: expiresAt.toISOString() } })
    expect(await statusFor(key)).toBe(200)
    await vi.waitFor(async () => expect(await statusFor(key)).toBe(403), { timeout: 10_000, interval: 20 })
    const lateness = Date.now() - expiresAt.getTime()
    expect(lateness).toBeGreaterThanOrEqual(0)
    expect(lateness).toBeLessThan(2000)
  })
})
