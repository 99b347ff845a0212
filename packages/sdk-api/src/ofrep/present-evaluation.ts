import type { Flag } from '@halyard/engine'
import { oncePer } from '../once-per.ts'
import type { Audience } from '../ports.ts'
import { isObject } from '../request-text.ts'

export interface Style {
  /** Whether every value is `enabled`, also of features with a value. */
  readonly asBoolean: boolean
  /** Whether texts that are JSON objects become objects. */
  readonly readsJson: boolean
}

type Encoder = (flag: Flag) => string

const encoders = new Map<string, Encoder>()

/** A flag as JSON; each is encoded once in each style. */
export function evaluationJson(audience: Audience, style: Style): Encoder {
  const name = `${audience} ${style.asBoolean} ${style.readsJson}`
  const known = encoders.get(name)
  if (known) return known
  const encoder = oncePer((flag: Flag) => JSON.stringify(presentEvaluation(flag, audience, style)))
  encoders.set(name, encoder)
  return encoder
}

function presentEvaluation(flag: Flag, audience: Audience, style: Style) {
  const { name, enabled, feature } = flag
  // Members that are undefined are left out: `null` would be a value of the wrong type to providers.
  return {
    key: name,
    value: valueOf(flag, style),
    reason: enabled ? reasonOf(flag) : 'DISABLED',
    variant: variantOf(flag),
    metadata: { featureId: feature.id, enabled, type: feature.type, ...(audience === 'server' ? targetingOf(flag) : {}) },
  }
}

/** Undefined asks the provider for the default in the code. */
function valueOf({ enabled, value }: Flag, { asBoolean, readsJson }: Style): unknown {
  if (asBoolean || value === null) return enabled
  if (!enabled) return undefined
  return readsJson && typeof value === 'string' ? (objectIn(value) ?? value) : value
}

function objectIn(text: string): object | undefined {
  if (!text.trimStart().startsWith('{')) return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

const isSplit = ({ reason }: Flag) => reason.startsWith('SPLIT')

function reasonOf(flag: Flag): 'SPLIT' | 'TARGETING_MATCH' | 'STATIC' {
  if (isSplit(flag)) return 'SPLIT'
  return flag.source === 'environment' ? 'STATIC' : 'TARGETING_MATCH'
}

/** A variant without a key is named by its id, which stays the same. */
function variantOf(flag: Flag): string | undefined {
  if (flag.variant !== null) return flag.variant
  const variants = flag.state.multivariate_feature_state_values
  if (!isSplit(flag)) return variants.length > 0 ? 'control' : undefined
  const chosen = variants.find(({ multivariate_feature_option: option }) => option.key === null && option.value === flag.value)
  return chosen && `variant-${chosen.multivariate_feature_option.id}`
}

/** Names of segments tell whom is targeted, so only servers see them. */
function targetingOf({ reason, source }: Flag): { segment?: string; weight?: number } {
  const [, weight] = /^SPLIT; weight=(.+)$/.exec(reason) ?? []
  if (weight !== undefined) return { weight: Number(weight) }
  const [, segment] = /^TARGETING_MATCH; segment=(.*)$/s.exec(reason) ?? []
  return segment !== undefined && source === 'segment' ? { segment } : {}
}
