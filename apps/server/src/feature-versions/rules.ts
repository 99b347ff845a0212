import type { api, FeatureValue, Reply } from '@halyard/contract'
import type { Selectable } from 'kysely'
import * as z from 'zod'
import type { FlagChange, FlagScope } from '../feature-states/change-flag.ts'
import { typedValue } from '../feature-states/default-states.ts'
import type { Flag, PlaceRow } from '../feature-states/queries.ts'
import {
  alreadySays,
  orderAfter,
  presentTypedValue,
  type FeatureStateRow,
  type StatePatch,
  type WantedWeight,
} from '../feature-states/rules.ts'
import type { FeatureVersionsTable } from '../runtime/tables.ts'

const storedPatch = z.object({
  enabled: z.boolean().optional(),
  value: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
  weights: z.array(z.object({ variantId: z.int(), weight: z.number() })).optional(),
})

const storedDraft = z.object({
  default: storedPatch.optional(),
  segments: z.array(z.object({ segmentId: z.int(), priority: z.int().optional(), content: storedPatch })),
  withoutSegments: z.array(z.int()),
})

const storedRefusal = z.object({
  detail: z.string(),
  conflicts: z.array(z.object({ segmentId: z.int().nullable(), version: z.string(), liveFrom: z.coerce.date(), author: z.string() })),
})

/** What a version that is not live yet changes. Never identity overrides: those have versions of their own. */
export type Draft = z.output<typeof storedDraft>
export type Refusal = z.output<typeof storedRefusal>
export type Conflict = Refusal['conflicts'][number]

export interface VersionRow extends Omit<Selectable<FeatureVersionsTable>, 'draft' | 'refusal'> {
  readonly draft: Draft | null
  readonly refusal: Refusal | null
}

export const readVersion = (row: Selectable<FeatureVersionsTable>): VersionRow => ({
  ...row,
  draft: row.draft === null ? null : storedDraft.parse(row.draft),
  refusal: row.refusal === null ? null : storedRefusal.parse(row.refusal),
})

/** Whose states a draft changes; null is the default. */
export const targetsOf = (draft: Draft): (number | null)[] => [
  ...(draft.default ? [null] : []),
  ...draft.segments.map(({ segmentId }) => segmentId),
  ...draft.withoutSegments,
]

export const touchesSegments = ({ segments = [], withoutSegments = [] }: FlagChange): boolean =>
  segments.length + withoutSegments.length > 0

interface StateContent {
  readonly enabled: boolean
  readonly value: FeatureValue
  readonly weights: readonly WantedWeight[]
}

/** What a feature is in an environment, as one would write it down: without ids, and the same for the same flags. */
export interface FlagContent {
  readonly default: StateContent
  /** The strongest first. */
  readonly overrides: readonly { readonly segmentId: number; readonly content: StateContent }[]
}

const contentOfState = ({ enabled, value, variants }: Pick<FeatureStateRow, 'enabled' | 'value' | 'variants'>): StateContent => ({
  enabled,
  value,
  weights: variants.filter(({ weight }) => weight > 0).map((each) => ({ variantId: each.variant_id, weight: each.weight })),
})

export const contentOf = (flag: Flag): FlagContent => ({
  default: contentOfState(flag.default),
  overrides: flag.places.flatMap(({ segment_id: segmentId }) =>
    flag.states.filter((state) => state.segment_id === segmentId).map((state) => ({ segmentId, content: contentOfState(state) })),
  ),
})

const patched = (content: StateContent, { enabled, value, weights }: StatePatch): StateContent => ({
  enabled: enabled ?? content.enabled,
  value: value === undefined ? content.value : value,
  weights: weights ? weights.filter(({ weight }) => weight > 0) : content.weights,
})

/** What an override of a feature begins with. */
export const initialValue = ({ project, feature }: FlagScope): FeatureValue =>
  project.prevent_flag_defaults ? null : typedValue(feature.initial_value)

/** What a flag is once a change is made; `initial` is what an override begins with. */
export function contentAfter(content: FlagContent, change: FlagChange, initial: FeatureValue): FlagContent {
  const left = content.overrides.filter(({ segmentId }) => !change.withoutSegments?.includes(segmentId))
  const wanted = change.segments ?? []
  const begun = { enabled: false, value: initial, weights: [] }
  const added = wanted.filter((each) => left.every(({ segmentId }) => segmentId !== each.segmentId))
  const all = [...left, ...added.map(({ segmentId }) => ({ segmentId, content: begun }))].map((override) => {
    const patch = wanted.find(({ segmentId }) => segmentId === override.segmentId)
    return patch ? { ...override, content: patched(override.content, patch.content) } : override
  })
  const moves = wanted.flatMap(({ segmentId: id, priority }) => (priority === undefined ? [] : [{ id, priority }]))
  const order = orderAfter(
    all.map(({ segmentId }) => segmentId),
    moves,
  )
  return {
    default: change.default ? patched(content.default, change.default) : content.default,
    overrides: order.flatMap((id) => all.filter(({ segmentId }) => segmentId === id)),
  }
}

/** The change that makes one flag like another; `only` leaves the rest as it is. */
export const changeTo = (current: FlagContent, wanted: FlagContent): FlagChange => ({
  default: wanted.default,
  segments: wanted.overrides.map((override, priority) => ({ ...override, priority })),
  withoutSegments: current.overrides
    .map(({ segmentId }) => segmentId)
    .filter((id) => wanted.overrides.every(({ segmentId }) => segmentId !== id)),
})

export type Difference = Reply<typeof api.featureVersions.diff>[number]

/** What differs, the default first. An override that stands elsewhere differs too. */
export function differences(from: FlagContent, to: FlagContent): Difference[] {
  const ids = [...new Set([...to.overrides, ...from.overrides].map(({ segmentId }) => segmentId))]
  const defaults = { segment_id: null, before: presentSide(from.default, null), after: presentSide(to.default, null) }
  const overrides = ids.map((id) => ({ segment_id: id, before: sideOf(from, id), after: sideOf(to, id) }))
  return [defaults, ...overrides].filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after))
}

function sideOf({ overrides }: FlagContent, id: number) {
  const priority = overrides.findIndex(({ segmentId }) => segmentId === id)
  const override = overrides[priority]
  return override ? presentSide(override.content, priority) : null
}

const presentSide = ({ enabled, value, weights }: StateContent, priority: number | null) => ({
  enabled,
  feature_state_value: presentTypedValue(value),
  multivariate_feature_state_values: weights
    .toSorted((one, other) => one.variantId - other.variantId)
    .map(({ variantId, weight }) => ({ multivariate_feature_option: variantId, percentage_allocation: weight })),
  priority,
})

/** Without what the project has no longer: deleting it took it out of every flag. */
export function whatIsLeft(content: FlagContent, there: { segments: ReadonlySet<number>; variants: ReadonlySet<number> }): FlagContent {
  const weighed = (state: StateContent) => ({ ...state, weights: state.weights.filter(({ variantId }) => there.variants.has(variantId)) })
  return {
    default: weighed(content.default),
    overrides: content.overrides
      .filter(({ segmentId }) => there.segments.has(segmentId))
      .map(({ segmentId, content: state }) => ({ segmentId, content: weighed(state) })),
  }
}

/** A draft with one more change of an override or of the default; the later one counts. */
export function withChange(draft: Draft, change: FlagChange): Draft {
  const { default: patch, segments = [], withoutSegments = [] } = change
  const others = draft.segments.filter((each) => !withoutSegments.includes(each.segmentId))
  const merged = segments.map((each) => {
    const before = others.find(({ segmentId }) => segmentId === each.segmentId)
    return { ...each, priority: each.priority ?? before?.priority, content: { ...before?.content, ...said(each.content) } }
  })
  const kept = others.filter((each) => segments.every(({ segmentId }) => segmentId !== each.segmentId))
  return storedDraft.parse({
    default: patch ? { ...draft.default, ...said(patch) } : draft.default,
    segments: [...kept, ...merged],
    withoutSegments: [...draft.withoutSegments.filter((id) => segments.every(({ segmentId }) => segmentId !== id)), ...withoutSegments],
  })
}

const said = (patch: StatePatch) => Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))

export const emptyDraft: Draft = { segments: [], withoutSegments: [] }

const isoOf = (instant: Date | null) => instant?.toISOString() ?? null

export const presentConflict = ({ segmentId, version, liveFrom, author }: Conflict) => ({
  segment_id: segmentId,
  is_environment_default: segmentId === null,
  version,
  live_from: liveFrom.toISOString(),
  author,
})

export const presentVersion = (row: VersionRow): Reply<typeof api.featureVersions.list>['results'][number] => {
  const madeAt = row.drafted_at ?? row.live_from
  const publishedAt = row.published_at ?? (row.number === null ? null : row.live_from)
  if (!madeAt) throw new Error(`Version ${row.uuid} has no instant.`)
  const publisher =
    row.publisher_kind === null ? { kind: row.author_kind, id: row.author_id } : { kind: row.publisher_kind, id: row.publisher_id }
  return {
    uuid: row.uuid,
    number: row.number,
    feature: row.feature_id,
    environment: row.environment_id,
    created_at: madeAt.toISOString(),
    updated_at: (row.number === null ? (row.saved_at ?? madeAt) : (row.live_from ?? madeAt)).toISOString(),
    published: publishedAt !== null,
    published_at: isoOf(publishedAt),
    live_from: isoOf(row.live_from),
    is_live: row.number !== null,
    is_scheduled: row.number === null && row.published_at !== null && row.refusal === null,
    ignore_conflicts: row.ignore_conflicts,
    refusal: row.refusal && { detail: row.refusal.detail, conflicts: row.refusal.conflicts.map(presentConflict) },
    created_by: row.author_kind === 'user' ? row.author_id : null,
    published_by: publishedAt !== null && publisher.kind === 'user' ? publisher.id : null,
    author: row.author_name,
    description: row.comment,
  }
}

interface Shown {
  readonly flag: Flag
  readonly content: FlagContent
}

/** The rows of a flag as a draft would have them. Overrides that are not there yet are in `flag` with the ids they will have. */
export function rowsAfter({ flag, content }: Shown): Flag {
  const patch = (state: FeatureStateRow, wanted: StateContent): FeatureStateRow =>
    alreadySays(state, wanted) ? state : { ...state, enabled: wanted.enabled, value: wanted.value, variants: weighted(state, wanted) }
  const places: PlaceRow[] = content.overrides.flatMap(({ segmentId }, priority) =>
    flag.places.filter((place) => place.segment_id === segmentId).map((place) => ({ ...place, priority })),
  )
  const states = content.overrides.flatMap(({ segmentId, content: wanted }) =>
    flag.states.filter((state) => state.segment_id === segmentId).map((state) => patch(state, wanted)),
  )
  return { default: patch(flag.default, content.default), places, states }
}

// A weight that has no row yet gets its id when the draft goes live.
const weighted = ({ variants }: FeatureStateRow, { weights }: StateContent) =>
  variants.map((each) => ({ ...each, weight: weights.find(({ variantId }) => variantId === each.variant_id)?.weight ?? 0 }))
