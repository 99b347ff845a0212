import { api, notFound, type Reply } from '@halyard/contract'
import type { ProjectRow, Queryable } from '../access/rows.ts'
import { findFeature, type FeatureRow } from '../feature-states/queries.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { createVariant, deleteVariant, updateVariant } from './commands.ts'
import { findVariant, findVariantByUuid, pageVariants } from './queries.ts'
import { presentVariant, type VariantRow } from './rules.ts'

export const variantRoutes = (): Route[] =>
  implement(api.variants, {
    async list({ db, project, params, query, url }) {
      const { rows, count } = await pageVariants(db, await getFeature(db, project, params.feature), slice(query))
      return pageOf(url, query, { count, results: rows.map(present) })
    },
    create: async ({ edit, project, params, body }) => present(await createVariant(edit, project, params.feature, body)),
    async get({ db, project, params }) {
      return presentFound(await findVariant(db, await getFeature(db, project, params.feature), params.variant))
    },
    getByUuid: async ({ db, project, params }) => presentFound(await findVariantByUuid(db, project, params.uuid)),
    update: async ({ edit, project, params, body }) => present(await updateVariant(edit, project, params, body)),
    replace: async ({ edit, project, params, body }) => present(await updateVariant(edit, project, params, body)),
    delete: ({ edit, project, params }) => deleteVariant(edit, project, params),
  })

async function getFeature(db: Queryable, project: ProjectRow, id: number): Promise<FeatureRow> {
  const feature = await findFeature(db, project, id)
  if (!feature) throw notFound()
  return feature
}

function presentFound(variant: VariantRow | undefined): Reply<typeof api.variants.get> {
  if (!variant) throw notFound()
  return present(variant)
}

const present = (variant: VariantRow): Reply<typeof api.variants.get> => ({ ...presentVariant(variant), feature: variant.feature_id })
