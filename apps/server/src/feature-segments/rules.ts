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
