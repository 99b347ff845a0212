import { type ConditionInterface, type FeatureDefinition, type FeatureRule, GrowthBookClient } from '@growthbook/growthbook'
import type { Contestant } from './contestant.ts'
import {
  type Dialect,
  type Scenario,
  type ScenarioCondition,
  type ScenarioFlag,
  type ScenarioSegment,
  say,
  variantNames,
  type Weights,
} from './scenario.ts'

/**
 * Conditions nest natively. Two things are said differently: there is no operator for text that contains other text, so a
 * regular expression stands in, which GrowthBook compiles once; and a segment is written into every rule that uses it, because
 * referring to it as a saved group is a tenth slower.
 */
export function startGrowthBook(scenario: Scenario): Contestant {
  const features = Object.fromEntries(scenario.flags.map((flag) => [flag.name, featureOf(flag)]))
  const client = new GrowthBookClient().initSync({ payload: { features } })
  const names = scenario.flags.map(({ name }) => name)
  const users = scenario.identities.map(({ identifier, traits }) => ({ attributes: { id: identifier, ...traits } }))
  const nobody = { attributes: {} }
  const allFlags = (identity: number) => {
    const user = users[identity] ?? nobody
    return names.map((name) => client.evalFeature(name, user))
  }
  const oneFlag = (identity: number, flag: string) => client.evalFeature(flag, users[identity] ?? nobody)
  return {
    name: '@growthbook/growthbook',
    note: 'GrowthBookClient.evalFeature',
    isAwaited: false,
    allFlags,
    oneFlag,
    namesOn: (identity) => {
      const answers = allFlags(identity)
      return names.filter((_, index) => answers[index]?.on)
    },
    isOn: (identity, flag) => oneFlag(identity, flag).on,
  }
}

function featureOf({ name, isOn, weights, override }: ScenarioFlag): FeatureDefinition {
  const rules: FeatureRule[] = []
  if (override) rules.push({ condition: segmentCondition(override.segment), ...answerOf(name, override.weights) })
  if (weights) rules.push(answerOf(name, weights))
  return { defaultValue: isOn, rules }
}

function answerOf(name: string, weights: Weights | null): FeatureRule {
  if (!weights) return { force: true }
  return { key: name, hashAttribute: 'id', variations: [...variantNames], weights: weights.map((weight) => weight / 100) }
}

function segmentCondition({ all, any }: ScenarioSegment): ConditionInterface {
  // The conditions in `all` are about different traits, so one object can hold them.
  const conditionOf = (condition: ScenarioCondition) => say(dialect, condition)
  return { ...Object.assign({}, ...all.map(conditionOf)), $or: any.map(conditionOf) }
}

const dialect: Dialect<ConditionInterface> = {
  EQUAL: (trait, value) => ({ [trait]: value }),
  NOT_EQUAL: (trait, value) => ({ [trait]: { $ne: value } }),
  CONTAINS: (trait, value) => ({ [trait]: { $regex: value.replaceAll('.', String.raw`\.`) } }),
  GREATER_THAN: (trait, value) => ({ [trait]: { $gt: value } }),
  LESS_THAN_INCLUSIVE: (trait, value) => ({ [trait]: { $lte: value } }),
  IN: (trait, value) => ({ [trait]: { $in: [...value] } }),
}
