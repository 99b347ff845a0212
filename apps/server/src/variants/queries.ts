import type { Queryable } from '../access/rows.ts'
import type { FeatureRow } from '../feature-states/queries.ts'
import { readVariant, type VariantRow } from './rules.ts'

/** The variants of some features, by feature, oldest first. */
export async function listVariants(db: Queryable, features: readonly Pick<FeatureRow, 'id'>[]): Promise<VariantRow[]> {
  if (features.length === 0) return []
  const rows = await db
    .selectFrom('variants')
    .selectAll()
    .where(
      'feature_id',
      'in',
      features.map(({ id }) => id),
    )
    .orderBy('feature_id')
    .orderBy('id')
    .execute()
  return rows.map(readVariant)
}

export async function pageVariants(db: Queryable, feature: Pick<FeatureRow, 'id'>, range: { offset: number; limit: number }) {
  const variants = await listVariants(db, [feature])
  return { rows: variants.slice(range.offset, range.offset + range.limit), count: variants.length }
}

export async function findVariant(db: Queryable, feature: Pick<FeatureRow, 'id'>, id: number): Promise<VariantRow | undefined> {
  const row = await db.selectFrom('variants').selectAll().where('id', '=', id).where('feature_id', '=', feature.id).executeTakeFirst()
  return row && readVariant(row)
}

/** A variant of any feature of the project that is there. */
export async function findVariantByUuid(db: Queryable, project: { readonly id: number }, uuid: string): Promise<VariantRow | undefined> {
  const row = await db
    .selectFrom('variants')
    .innerJoin('features', 'features.id', 'variants.feature_id')
    .selectAll('variants')
    .where('variants.uuid', '=', uuid)
    .where('variants.project_id', '=', project.id)
    .where('features.deleted_at', 'is', null)
    .executeTakeFirst()
  return row && readVariant(row)
}
