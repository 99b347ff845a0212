import type { SegmentRule } from '@halyard/contract'
import type { EnvironmentDocument } from '@halyard/engine'
import { documentOf } from '../segments/rules.ts'

/** The document of an environment that has one segment and nothing else, as JSON: all that decides who is in it. */
export function segmentAlone(
  document: EnvironmentDocument,
  segment: { readonly id: number; readonly name: string; readonly rules: readonly SegmentRule[] },
): string {
  const { id, name, rules } = segment
  const alone = { id, name, rules: rules.map(documentOf), feature_states: [] }
  return JSON.stringify({
    ...document,
    // It says when, not who.
    updated_at: '',
    feature_states: [],
    identity_overrides: [],
    project: { ...document.project, segments: [alone] },
  })
}
