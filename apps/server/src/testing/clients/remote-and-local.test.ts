import { compile } from '@halyard/engine'
import fc from 'fast-check'
import { Flagsmith } from 'flagsmith-nodejs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestProject, type TestServer } from '../start-server.ts'
import { quiet } from '../test-database.ts'
import { environments, traits, type ArbitraryEnvironment, type Content } from './arbitrary-environment.ts'
import { createFeature, createOverride, createSegment, overrideFor } from './populated-project.ts'
import { identify, type SeenFlag } from './sdk-requests.ts'

/** Anything else makes another environment and other visitors. */
const seed = 20_260_901
const visitorCount = 1000

interface Visitor {
  readonly identifier: string
  readonly traits: Readonly<Record<string, string | number | boolean>>
}

let server: TestServer
let project: TestProject
const remote = new Map<Visitor, Readonly<Record<string, SeenFlag>>>()
beforeAll(async () => {
  server = await startServer()
  project = await server.makeProject()
  const [environment] = fc.sample(environments(), { seed, numRuns: 1 })
  if (!environment) throw new Error('No environment was generated.')
  await create(environment)
  for (const visitors of chunksOf(50, inventVisitors(environment))) {
    await Promise.all(visitors.map(async (visitor) => remote.set(visitor, await askServer(visitor))))
  }
})
afterAll(() => server.close())

test('the environment tells visitors apart', () => {
  const outcomes = new Map<string, Set<string>>()
  for (const flags of remote.values()) {
    for (const [name, flag] of Object.entries(flags)) outcomes.set(name, (outcomes.get(name) ?? new Set()).add(JSON.stringify(flag)))
  }
  expect(remote.size).toBe(visitorCount)
  const varied = [...outcomes.values()].filter((seen) => seen.size > 1)
  expect(varied.length).toBeGreaterThan(10)
})

test('our engine on the exported document says what the server says: enabled, value and variant', async () => {
  const document = await server.send('GET', '/api/v1/environment-document/', { headers: { 'x-environment-key': project.serverKey } })
  const compiled = compile(JSON.parse(document.text))
  const differing = [...remote].filter(([visitor, flags]) => {
    const local = compiled.flagsFor(visitor).map(({ name, enabled, value, variant }) => [name, { enabled, value, variant }])
    return JSON.stringify(Object.fromEntries(local)) !== JSON.stringify(flags)
  })
  expect(differing).toEqual([])
})

test('flagsmith-nodejs evaluating locally says what the server says: enabled and value', async () => {
  const flagsmith = new Flagsmith({
    environmentKey: project.serverKey,
    apiUrl: `${server.url}/api/v1/`,
    enableLocalEvaluation: true,
    logger: quiet,
  })
  try {
    const differing = []
    for (const [visitor, flags] of remote) {
      const local = await flagsmith.getIdentityFlags(visitor.identifier, visitor.traits)
      for (const { featureName, enabled, value } of local.allFlags()) {
        const expected = flags[featureName]
        if (enabled !== expected?.enabled || value !== expected.value)
          differing.push({ visitor, featureName, local: { enabled, value }, expected })
      }
      expect(local.allFlags()).toHaveLength(Object.keys(flags).length)
    }
    expect(differing).toEqual([])
  } finally {
    await flagsmith.close()
  }
})

async function askServer({ identifier, traits: told }: Visitor) {
  const written = Object.entries(told).map(([key, value]) => ({ trait_key: key, trait_value: value }))
  return (await identify(server, project.serverKey, { identifier, traits: written })).flags
}

const overridden = (number: number) => `overridden ${number}`

/** Those with overrides first; of these flagsmith-nodejs drops traits that are false or empty. */
function inventVisitors({ identityOverrides }: ArbitraryEnvironment): Visitor[] {
  const owners = [...new Set(identityOverrides.map(({ identity }) => overridden(identity)))]
  const names = fc.sample(fc.string({ unit: 'grapheme', maxLength: 20 }), { seed, numRuns: visitorCount })
  const known = fc.sample(traits(), { seed, numRuns: visitorCount })
  return known.map((told, number) => {
    const owner = owners[number]
    if (owner === undefined) return { identifier: `${number} ${names[number]}`.trim(), traits: told }
    return { identifier: owner, traits: Object.fromEntries(Object.entries(told).filter(([, value]) => Boolean(value))) }
  })
}

const chunksOf = <Element>(size: number, all: readonly Element[]): Element[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, number) => all.slice(number * size, (number + 1) * size))

async function create({ features, segments, segmentOverrides, identityOverrides }: ArbitraryEnvironment) {
  const made: { id: number; variants: number[] }[] = []
  for (const [number, { enabled, value, variants }] of features.entries()) {
    const feature = await createFeature(server, project, {
      name: `feature ${number}`,
      default_enabled: enabled,
      initial_value: value,
      multivariate_options: variants.map(({ isKeyed, value, weight }, index) => ({
        key: isKeyed ? `variant_${index}` : null,
        default_percentage_allocation: weight,
        ...typed(value),
      })),
    })
    made.push({ id: feature.id, variants: feature.multivariate_options.map(({ id }) => id) })
  }
  const segmentIds: number[] = []
  for (const [number, rules] of segments.entries())
    segmentIds.push(await createSegment(server, project, { name: `segment ${number}`, rules }))
  for (const { feature, segment, content } of segmentOverrides) {
    const { id, variants } = at(made, feature)
    const written = {
      enabled: content.enabled,
      feature_state_value: typed(content.value),
      multivariate_feature_state_values: weigh(variants, content.weights),
    }
    await createOverride(server, project, id, { feature_segment: { segment: at(segmentIds, segment) }, ...written })
  }
  for (const { feature, identity, content } of identityOverrides) {
    const { id, variants } = at(made, feature)
    const written = {
      enabled: content.enabled,
      feature_state_value: content.value,
      multivariate_feature_state_values: weigh(variants.slice(0, 1), [100]),
    }
    await overrideFor(server, project, overridden(identity), { feature: id, ...written })
  }
}

const weigh = (variants: readonly number[], weights: Content['weights']) =>
  variants.map((variant, index) => ({ multivariate_feature_option: variant, percentage_allocation: weights[index] ?? 0 }))

function typed(value: Content['value']) {
  if (typeof value === 'string') return { type: 'unicode', string_value: value } as const
  return typeof value === 'number' ? ({ type: 'int', integer_value: value } as const) : ({ type: 'bool', boolean_value: value } as const)
}

function at<Element>(list: readonly Element[], index: number): Element {
  const element = list[index]
  if (element === undefined) throw new Error(`There is no element ${index} in a list of ${list.length}.`)
  return element
}
