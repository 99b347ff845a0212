import type { ChangeType, FeatureValue, Permission, ValueType } from '@halyard/contract'
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

export const updatedType = (lineage: Lineage) => `${kindOf(lineage)}.updated` as const satisfies ChangeType

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
export const presentState = (state: FeatureStateRow) => ({
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
  environment_feature_version: null,
})

const presentWeights = (weights: readonly Weight[]) =>
  weights.map((each) => ({ id: each.id, multivariate_feature_option: each.variant_id, percentage_allocation: each.weight }))
