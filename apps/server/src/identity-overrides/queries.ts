import { notFound } from '@halyard/contract'
import type { EnvironmentRow, Queryable } from '../access/rows.ts'
import { getFeatureState } from '../feature-states/queries.ts'
import { readState, type FeatureStateRow, type PlacedState } from '../feature-states/rules.ts'

interface Owner {
  readonly identifier: string
}

/** What features are for one identity, by feature. Few: somebody wrote each of them by hand. */
export async function listIdentityOverrides(
  db: Queryable,
  environment: Pick<EnvironmentRow, 'id'>,
  { identifier }: Owner,
): Promise<FeatureStateRow[]> {
  const rows = await db
    .selectFrom('feature_states')
    .innerJoin('features', 'features.id', 'feature_states.feature_id')
    .selectAll('feature_states')
    .where('feature_states.environment_id', '=', environment.id)
    .where('feature_states.identifier', '=', identifier)
    .where('feature_states.removed_at', 'is', null)
    .where('features.deleted_at', 'is', null)
    .orderBy('feature_states.feature_id')
    .execute()
  return rows.map(readState)
}

/** An override of the identity; 404 for what is anybody else's. */
export async function requireIdentityOverride(
  db: Queryable,
  environment: EnvironmentRow,
  { identifier }: Owner,
  id: number,
): Promise<PlacedState> {
  const state = await getFeatureState(db, environment, { id })
  if (state.identifier !== identifier) throw notFound()
  return state
}

/** When an identity was last deleted; overrides that were written later are of its successor. */
export async function findDeletion(
  db: Queryable,
  environment: Pick<EnvironmentRow, 'id' | 'project_id'>,
  { pseudonym }: { readonly pseudonym: string },
): Promise<Date | undefined> {
  const change = await db
    .selectFrom('changes')
    .select('at')
    .where('project_id', '=', environment.project_id)
    .where('environment_id', '=', environment.id)
    .where('type', '=', 'identity.deleted')
    .where('subject_id', '=', pseudonym)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return change?.at
}
