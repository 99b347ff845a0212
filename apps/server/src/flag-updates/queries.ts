import { invalid, type api, type Body } from '@halyard/contract'
import type { ProjectRow, Queryable } from '../access/rows.ts'
import type { FlagScope } from '../feature-states/change-flag.ts'
import { findFeature, readFlag, type FeatureRow } from '../feature-states/queries.ts'
import { findNamesake } from '../features/queries.ts'
import { listVariants } from '../variants/queries.ts'
import { presentFlag } from './rules.ts'

type Reference = Body<typeof api.flagUpdates.deleteOverride>['feature']

/** The feature of the project that a body names. */
export async function getReferred(db: Queryable, project: ProjectRow, { id, name }: Reference): Promise<FeatureRow> {
  if (id !== undefined) return (await findFeature(db, project, id)) ?? unknown('id', String(id), project)
  return (await findNamesake(db, project, name ?? '')) ?? unknown('name', `“${name}”`, project)
}

function unknown(field: 'id' | 'name', written: string, project: ProjectRow): never {
  throw invalid({ feature: { [field]: [`There is no feature ${written} in the project “${project.name}”.`] } })
}

export async function listVariantIds(db: Queryable, feature: Pick<FeatureRow, 'id'>): Promise<number[]> {
  return (await listVariants(db, [feature])).map(({ id }) => id)
}

export const showFlag = async (db: Queryable, scope: FlagScope) =>
  presentFlag(await readFlag(db, scope), await listVariantIds(db, scope.feature))
