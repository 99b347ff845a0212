import { Problem, unknownId, type api, type Body, type FeatureValue, type FieldErrors, type Reply } from '@halyard/contract'
import type { FlagChange, SegmentOverrideChange } from '../feature-states/change-flag.ts'
import type { Flag, SegmentRow } from '../feature-states/queries.ts'
import { whyNotOverridable, type StatePatch } from '../feature-states/rules.ts'
import { contentAfter, contentOf, type FlagContent } from '../feature-versions/rules.ts'

/** Parts of a flag as they are written, to change it or to replace these parts. */
export interface Writing {
  readonly parts: Body<typeof api.wholeFlags.update>
  readonly replaces: boolean
  /** Segments whose override goes besides. */
  readonly removes?: readonly number[]
}

/** The change that a writing asks for. An override that is new, or replaced, is like the default where nothing is said of it. */
export function changeOf(flag: Flag, { parts, replaces, removes = [] }: Writing): FlagChange {
  const { environment_default: written, segment_overrides: overrides } = parts
  const current = contentOf(flag)
  const patch = written && replaces ? { ...written, enabled: written.enabled ?? false, value: written.value ?? null } : written
  const base = contentAfter(current, { default: patch }, null).default
  const begun = ({ enabled, value, weights }: StatePatch): StatePatch => ({
    enabled: enabled ?? false,
    value: value === undefined ? base.value : value,
    weights: weights ?? base.weights,
  })
  const segments = overrides?.map(({ segmentId, priority, content }, position): SegmentOverrideChange => {
    const isThere = current.overrides.some((override) => override.segmentId === segmentId)
    return isThere
      ? { segmentId, priority, content: replaces ? begun(content) : content }
      : { segmentId, priority: priority ?? position, content: begun(content) }
  })
  const listed = overrides?.map(({ segmentId }) => segmentId) ?? []
  const gone = replaces && overrides ? flag.places.map((place) => place.segment_id).filter((id) => !listed.includes(id)) : []
  return { default: patch, segments, withoutSegments: [...gone, ...removes] }
}

interface Known {
  readonly feature: { readonly id: number; readonly name: string }
  readonly segments: readonly SegmentRow[]
  readonly variants: readonly number[]
}

/** What of a writing cannot be, by where it is written. */
export function whyRefused({ parts, replaces }: Writing, { feature, segments, variants }: Known): FieldErrors | undefined {
  const { environment_default: written, segment_overrides: overrides = [] } = parts
  const ofVariants = (weights: StatePatch['weights']) => {
    const reason =
      weights &&
      whyNotVariants(
        weights.map(({ variantId }) => variantId),
        variants,
      )
    return reason === undefined ? {} : { variants: [reason] }
  }
  const ofDefault = written && ofVariants(written.weights ?? (replaces && variants.length > 0 ? [] : undefined))
  const ofOverrides = overrides.map(({ segmentId, content }): FieldErrors => {
    const segment = segments.find(({ id }) => id === segmentId)
    const reason = segment ? whyNotOverridable(feature, segment) : unknownId(segmentId)
    return { ...(reason !== undefined && { segment: { id: [reason] } }), ...ofVariants(content.weights) }
  })
  const errors = {
    ...(ofDefault && isWrong(ofDefault) && { environment_default: ofDefault }),
    ...(ofOverrides.some(isWrong) && { segment_overrides: ofOverrides }),
  }
  return isWrong(errors) ? errors : undefined
}

const isWrong = (errors: FieldErrors): boolean => Object.keys(errors).length > 0

function whyNotVariants(listed: readonly number[], variants: readonly number[]): string | undefined {
  const unknown = listed.find((id) => !variants.includes(id))
  if (unknown !== undefined) return variants.length === 0 ? 'The feature has no variants.' : `The feature has no variant ${unknown}.`
  const missing = variants.filter((id) => !listed.includes(id))
  if (missing.length === 0) return undefined
  return `All variants of the feature are listed, also those that get nothing; missing: ${missing.join(', ')}.`
}

type Shown = Reply<typeof api.wholeFlags.get>

export function presentFlag(flag: Flag, variants: readonly number[]): Shown {
  const content = contentOf(flag)
  return {
    environment_default: presentContent(content.default, variants),
    segment_overrides: content.overrides.map((override, priority) => ({
      segment: { id: override.segmentId },
      priority,
      ...presentContent(override.content, variants),
    })),
  }
}

// With all variants, so that what was read can be written as it is.
const presentContent = (
  { enabled, value, weights }: FlagContent['default'],
  variants: readonly number[],
): Shown['environment_default'] => ({
  enabled,
  value: presentTextualValue(value),
  variants: variants.map((id) => ({ id, weight: weights.find(({ variantId }) => variantId === id)?.weight ?? 0 })),
})

function presentTextualValue(value: FeatureValue): Shown['environment_default']['value'] {
  if (value === null) return null
  const type = typeof value === 'number' ? 'integer' : typeof value === 'boolean' ? 'boolean' : 'string'
  return { type, value: String(value) }
}

/** The same problem, said of one of a list. */
export function placed({ code, message, body }: Problem, field: string, index: number): Problem {
  const detail = `${field}.${index}: ${message}`
  const before = Array.from({ length: index }, () => ({}))
  return new Problem(code, detail, { body: code === 'invalid' ? { [field]: [...before, body] } : { detail } })
}
