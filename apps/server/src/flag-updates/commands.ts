import { invalid, notFound } from '@halyard/contract'
import type { Edit } from '../changes/edit.ts'
import { refuseUnknownSegments, type FlagScope } from '../feature-states/change-flag.ts'
import { findSegment, findSegments, readFlag } from '../feature-states/queries.ts'
import { changeNow } from '../feature-versions/commands.ts'
import { listVariantIds } from './queries.ts'
import { changeOf, whyRefused, type Writing } from './rules.ts'

/** Changes or replaces parts of a flag. */
export async function writeFlag(edit: Edit, scope: FlagScope, writing: Writing): Promise<boolean> {
  const ids = writing.parts.segment_overrides?.map(({ segmentId }) => segmentId) ?? []
  const segments = await findSegments(edit.tx, scope.project, ids)
  await refuseUnknownSegments(edit, scope, writing.removes ?? [])
  const variants = await listVariantIds(edit.tx, scope.feature)
  const errors = whyRefused(writing, { feature: scope.feature, segments, variants })
  if (errors) throw invalid(errors)
  return changeNow(edit, scope, changeOf(await readFlag(edit.tx, scope), writing))
}

/** 404 when there is none. */
export async function deleteOverride(edit: Edit, scope: FlagScope, segmentId: number): Promise<void> {
  const [flag, segment] = [await readFlag(edit.tx, scope), await findSegment(edit.tx, scope.project, segmentId)]
  if (!segment || flag.places.every((place) => place.segment_id !== segmentId)) throw notFound()
  await changeNow(edit, scope, { withoutSegments: [segmentId] })
}
