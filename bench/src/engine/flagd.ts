import { FlagdCore } from '@openfeature/flagd-core'
import type { Contestant } from './contestant.ts'
import { type Dialect, type Scenario, type ScenarioFlag, type ScenarioSegment, say, variantNames, type Weights } from './scenario.ts'

/**
 * Segments are `$evaluators`, which flagd writes into the rules that refer to them when it loads the flags, and then compiles
 * to JavaScript. Variants are on whenever the flag is, so a multivariate flag is on whatever it answers.
 */
export function startFlagd(scenario: Scenario): Contestant {
  const flagd = new FlagdCore()
  flagd.setConfigurations(JSON.stringify(configurationOf(scenario)))
  const multivariate = new Set(scenario.flags.filter(({ weights }) => weights).map(({ name }) => name))
  const contexts = scenario.identities.map(({ identifier, traits }) => ({ targetingKey: identifier, ...traits }))
  const oneFlag = (identity: number, flag: string) =>
    multivariate.has(flag)
      ? flagd.resolveStringEvaluation(flag, 'off', contexts[identity])
      : flagd.resolveBooleanEvaluation(flag, false, contexts[identity])
  return {
    name: '@openfeature/flagd-core',
    note: 'resolveAll, or resolve…Evaluation',
    isAwaited: false,
    allFlags: (identity) => flagd.resolveAll(contexts[identity]),
    oneFlag,
    namesOn: (identity) =>
      flagd
        .resolveAll(contexts[identity])
        .filter(({ value }) => isOn(value))
        .map(({ flagKey }) => flagKey),
    isOn: (identity, flag) => isOn(oneFlag(identity, flag).value),
  }
}

function isOn(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value !== 'off')
}

function configurationOf({ flags, segments }: Scenario) {
  return {
    flags: Object.fromEntries(flags.map((flag) => [flag.name, flagOf(flag)])),
    $evaluators: Object.fromEntries(segments.map((segment) => [segment.name, segmentLogic(segment)])),
  }
}

function flagOf({ isOn, weights, override }: ScenarioFlag) {
  const elsewhere = weights ? split(weights) : isOn ? 'on' : 'off'
  const targeting = override
    ? { if: [{ $ref: override.segment.name }, override.weights ? split(override.weights) : 'on', elsewhere] }
    : weights && split(weights)
  const variants = weights ? Object.fromEntries(variantNames.map((name) => [name, name])) : { on: true, off: false }
  return { state: 'ENABLED', variants, defaultVariant: weights ? variantNames[0] : elsewhere, ...(targeting && { targeting }) }
}

function split(weights: Weights) {
  return { fractional: weights.map((weight, index) => [variantNames[index], weight]) }
}

function segmentLogic({ all, any }: ScenarioSegment): object {
  return { and: [...all.map((condition) => say(dialect, condition)), { or: any.map((condition) => say(dialect, condition)) }] }
}

const dialect: Dialect<object> = {
  EQUAL: (trait, value) => ({ '===': [{ var: trait }, value] }),
  NOT_EQUAL: (trait, value) => ({ '!==': [{ var: trait }, value] }),
  CONTAINS: (trait, value) => ({ in: [value, { var: trait }] }),
  GREATER_THAN: (trait, value) => ({ '>': [{ var: trait }, value] }),
  LESS_THAN_INCLUSIVE: (trait, value) => ({ '<=': [{ var: trait }, value] }),
  IN: (trait, value) => ({ in: [{ var: trait }, value] }),
}
