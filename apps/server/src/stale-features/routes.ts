import { api, type Reply } from '@halyard/contract'
import { listEnvironments } from '../environments/queries.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { listPlaces, pageStaleFeatures, type PlaceRow } from './queries.ts'
import { judge } from './rules.ts'

const dayMs = 86_400_000

export const staleFeatureRoutes = (runtime: Runtime): Route[] =>
  implement(api.staleFeatures, {
    async list({ db, actor, project, query, url }) {
      const now = runtime.now()
      const limitDays = project.stale_flags_limit_days
      const cutoff = new Date(now.getTime() - limitDays * dayMs)
      const { rows, count } = await pageStaleFeatures(db, project, { cutoff, ...slice(query) })
      const places = await listPlaces(db, project, { features: rows.map(({ id }) => id), cutoff })
      const seen = new Set((await listEnvironments(db, actor, project)).map((environment) => environment.id))
      const results = rows.map(({ id, name, unchanged_since: unchangedSince }) => {
        const own = places.filter((place) => place.feature_id === id)
        return {
          feature: { id, name },
          unchanged_since: unchangedSince.toISOString(),
          ...judge(
            own.map((place) => readPlace(place, seen)),
            { unchangedSince, limitDays, now },
          ),
          environments: own.filter((place) => seen.has(place.id)).map(present),
        }
      })
      return pageOf(url, query, { count, results })
    },
  })

const readPlace = (row: PlaceRow, seen: ReadonlySet<number>) => ({
  name: seen.has(row.id) ? row.name : 'another environment',
  enabled: row.enabled,
  value: row.value,
  sameForEveryone: row.same_for_everyone,
  evaluationsReported: row.evaluations_reported,
  lastEvaluatedAt: row.last_evaluated_at,
})

function present(row: PlaceRow): Reply<typeof api.staleFeatures.list>['results'][number]['environments'][number] {
  const { feature_id: _feature, value, unchanged_since, last_evaluated_at, ...place } = row
  return {
    ...place,
    feature_state_value: value,
    unchanged_since: unchanged_since.toISOString(),
    last_evaluated_at: last_evaluated_at?.toISOString() ?? null,
  }
}
