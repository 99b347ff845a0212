import type { FeatureValue, Permission, ValueType } from '@halyard/contract'
import type { Selectable } from 'kysely'
import * as z from 'zod'
import type { FeatureStatesTable } from '../runtime/tables.ts'

const storedValue = z.union([z.string(), z.number(), z.boolean(), z.null()])
const storedWeights = z.array(z.object({ id: z.int(), uuid: z.string(), variant_id: z.int(), weight: z.number() }))

/** The share of identities that get a variant. Its id orders the shares among each other and therefore never changes. */
export type Weight = z.output<typeof storedWeights>[number]

type StoredState = Selectable<FeatureStatesTable>

export interface FeatureStateRow extends Omit<StoredState, 'value' | 'variants'> {
  readonly value: FeatureValue
  readonly variants: Weight[]
}

/** A state with the place of its segment's override. */
export interface PlacedState extends FeatureStateRow {
  readonly feature_segment_id: number | null
  /** Of the version that counts, in an environment that is changed through versions. */
  readonly version_uuid: string | null
}

export const readState = <Row extends Pick<StoredState, 'value' | 'variants'>>(row: Row) => ({
  ...row,
  value: storedValue.parse(row.value),
  variants: storedWeights.parse(row.variants),
})

export interface WantedWeight {
  readonly variantId: number
  readonly weight: number
}

interface Lineage {
  readonly segment_id: number | null
  readonly identifier: string | null
}

/** Whose state it is, as change types begin. */
export function kindOf({ segment_id: segment, identifier }: Lineage): 'feature_state' | 'segment_override' | 'identity_override' {
  if (segment !== null) return 'segment_override'
  return identifier === null ? 'feature_state' : 'identity_override'
}

export const permissionToWrite = (lineage: Lineage): Permission =>
  lineage.segment_id === null ? 'UPDATE_FEATURE_STATE' : 'MANAGE_SEGMENT_OVERRIDES'

/** The weights a state has once these are wanted: those that are not wanted keep their id with nothing; `missing` have no id yet. */
export function arrangeWeights(existing: readonly Weight[], wanted: readonly WantedWeight[]): { kept: Weight[]; missing: WantedWeight[] } {
  const weights = new Map(wanted.map(({ variantId, weight }) => [variantId, weight]))
  const known = new Set(existing.map((each) => each.variant_id))
  return {
    kept: existing.map((each) => ({ ...each, weight: weights.get(each.variant_id) ?? 0 })),
    missing: wanted.filter(({ variantId }) => !known.has(variantId)).toSorted((one, other) => one.variantId - other.variantId),
  }
}

export interface Move {
  readonly id: number
  /** Where it should stand; 0 is the strongest. */
  readonly priority: number
}

/** An order once some of its members have moved. Those that were not moved keep their order and fill what is left. */
export function orderAfter(order: readonly number[], moves: readonly Move[]): number[] {
  const moved = new Set(moves.map(({ id }) => id))
  const arranged = order.filter((id) => !moved.has(id))
  // From the front, so that nothing pushes on what already stands where it should; of two that want one place the first has it.
  let next = 0
  for (const { id, priority } of moves.toSorted((one, other) => one.priority - other.priority)) {
    next = Math.max(next, Math.min(priority, arranged.length))
    arranged.splice(next, 0, id)
    next += 1
  }
  return arranged
}

interface Named {
  readonly id: number
  readonly name: string
}

/** A segment made for one feature may override only that one. */
export function whyNotOverridable(feature: Named, segment: Named & { readonly feature_id: number | null }): string | undefined {
  if (segment.feature_id === null || segment.feature_id === feature.id) return undefined
  return `The segment “${segment.name}” was made for another feature (${segment.feature_id}) and cannot override “${feature.name}”.`
}

/** What of a feature state changes; what is undefined stays. */
export interface StatePatch {
  readonly enabled?: boolean | undefined
  readonly value?: FeatureValue | undefined
  readonly weights?: readonly WantedWeight[] | undefined
}

/** Whether nothing is wanted of a state. */
export const isNothing = ({ enabled, value, weights }: StatePatch): boolean =>
  enabled === undefined && value === undefined && weights === undefined

/** Whether a state says already what is wanted of it. Weights of nothing are as good as none. */
export function alreadySays(state: Pick<FeatureStateRow, 'enabled' | 'value' | 'variants'>, patch: StatePatch): boolean {
  if (patch.enabled !== undefined && patch.enabled !== state.enabled) return false
  if (patch.value !== undefined && patch.value !== state.value) return false
  if (!patch.weights) return true
  const had = new Map(state.variants.filter(({ weight }) => weight > 0).map((each) => [each.variant_id, each.weight]))
  const wanted = patch.weights.filter(({ weight }) => weight > 0)
  return wanted.length === had.size && wanted.every(({ variantId, weight }) => had.get(variantId) === weight)
}

/** A value on the wire where every type has a field of its own. */
export function presentTypedValue(value: FeatureValue) {
  const type: ValueType = typeof value === 'number' ? 'int' : typeof value === 'boolean' ? 'bool' : 'unicode'
  return {
    type,
    string_value: typeof value === 'string' ? value : null,
    integer_value: typeof value === 'number' ? value : null,
    boolean_value: typeof value === 'boolean' ? value : null,
  }
}

/** All but the value, which has two shapes, and what names whose it is. */
export const presentState = (state: FeatureStateRow, versionUuid: string | null = null) => ({
  id: state.id,
  uuid: state.uuid,
  feature: state.feature_id,
  environment: state.environment_id,
  enabled: state.enabled,
  multivariate_feature_state_values: presentWeights(state.variants),
  version: state.version,
  live_from: state.live_from.toISOString(),
  created_at: state.created_at.toISOString(),
  updated_at: state.updated_at.toISOString(),
  deleted_at: null,
  change_request: null,
  environment_feature_version: versionUuid,
})

const presentWeights = (weights: readonly Weight[]) =>
  weights.map((each) => ({ id: each.id, multivariate_feature_option: each.variant_id, percentage_allocation: each.weight }))
