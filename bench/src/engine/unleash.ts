import { once } from 'node:events'
import { type ClientFeaturesResponse, type Context, InMemStorageProvider, Unleash } from 'unleash-client'
import { type Constraint, Operator, type Segment, type StrategyTransportInterface } from 'unleash-client/lib/strategy/strategy.js'
import type { Contestant } from './contestant.ts'
import {
  type Dialect,
  type Scenario,
  type ScenarioFlag,
  type ScenarioIdentity,
  type ScenarioSegment,
  say,
  variantNames,
  type Weights,
} from './scenario.ts'

/**
 * The constraints of a segment are ANDed and cannot nest, so each alternative of `any` becomes a segment of its own together
 * with all of `all`, and a strategy of its own: a flag is on when any of its strategies is. Traits are text or numbers, so a
 * boolean is text. The strategy is the cheapest, `default`: Unleash's usual one, `flexibleRollout`, hashes even at 100 %.
 */
export async function startUnleash(scenario: Scenario): Promise<Contestant> {
  const { client: unleash } = await loadedWith(scenario)
  const contexts = scenario.identities.map(contextOf)
  const nobody: Context = {}
  const names = scenario.flags.map(({ name }) => name)
  const multivariate = new Set(scenario.flags.filter(({ weights }) => weights).map(({ name }) => name))
  const oneFlag = (identity: number, flag: string) =>
    multivariate.has(flag)
      ? unleash.getVariant(flag, contexts[identity] ?? nobody)
      : unleash.isEnabled(flag, contexts[identity] ?? nobody, isOffWhenUnknown)
  const allFlags = (identity: number) => names.map((name) => oneFlag(identity, name))
  return {
    name: 'unleash-client',
    note: 'isEnabled or getVariant of the inner client',
    isAwaited: false,
    allFlags,
    oneFlag,
    namesOn: (identity) => {
      const answers = allFlags(identity)
      return names.filter((_, index) => isOn(answers[index]))
    },
    isOn: (identity, flag) => isOn(oneFlag(identity, flag)),
  }
}

function isOffWhenUnknown(): boolean {
  return false
}

function isOn(answer: ReturnType<Unleash['getVariant']> | boolean | undefined): boolean {
  return typeof answer === 'object' ? answer.feature_enabled === true : answer === true
}

/** The client within the client, which leaves out the copying of contexts and the counting: twice as fast. */
class OpenUnleash extends Unleash {
  declare readonly client: Unleash['client']
}

async function loadedWith({ flags, segments }: Scenario): Promise<OpenUnleash> {
  const unleash = new OpenUnleash({
    appName: 'benchmark',
    // Never called: without a refresh interval nothing is fetched.
    url: 'http://localhost',
    refreshInterval: 0,
    disableMetrics: true,
    storageProvider: new InMemStorageProvider<ClientFeaturesResponse>(),
    bootstrap: { data: flags.map(featureOf), segments: segments.flatMap(segmentsOf) },
  })
  await once(unleash, 'ready')
  return unleash
}

function featureOf({ name, isOn, weights, override }: ScenarioFlag): ClientFeaturesResponse['features'][number] {
  const strategies: StrategyTransportInterface[] = []
  if (override) strategies.push(...segmentsOf(override.segment).map(({ id }) => strategy(name, override.weights, [id])))
  if (weights) strategies.push(strategy(name, weights, []))
  return { name, enabled: isOn || override !== null, strategies }
}

function strategy(name: string, weights: Weights | null, segments: number[]): StrategyTransportInterface {
  // Unleash's weights are per mille.
  const variants = weights?.map((weight, index) => ({ name: variantNames[index] ?? '', weight: weight * 10, stickiness: 'userId' }))
  return { name: 'default', parameters: { groupId: name }, constraints: [], segments, ...(variants && { variants }) }
}

function segmentsOf({ id, all, any }: ScenarioSegment): Segment[] {
  return any.map((alternative, choice) => ({
    id: id * any.length + choice,
    constraints: [...all, alternative].map((condition) => say(dialect, condition)),
  }))
}

const dialect: Dialect<Constraint> = {
  EQUAL: (contextName, value) => constraint(contextName, Operator.IN, { values: [String(value)] }),
  NOT_EQUAL: (contextName, value) => constraint(contextName, Operator.NOT_IN, { values: [value] }),
  CONTAINS: (contextName, value) => constraint(contextName, Operator.STR_CONTAINS, { values: [value] }),
  GREATER_THAN: (contextName, value) => constraint(contextName, Operator.NUM_GT, { value }),
  LESS_THAN_INCLUSIVE: (contextName, value) => constraint(contextName, Operator.NUM_LTE, { value }),
  IN: (contextName, value) => constraint(contextName, Operator.IN, { values: [...value] }),
}

function constraint(contextName: string, operator: Operator, operand: Pick<Partial<Constraint>, 'values' | 'value'>): Constraint {
  return { contextName, operator, inverted: false, values: [], ...operand }
}

function contextOf({ identifier, traits }: ScenarioIdentity): Context {
  return { userId: identifier, properties: { ...traits, beta: String(traits.beta) } }
}
