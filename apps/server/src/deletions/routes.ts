import { api, type DeletedKind, type Reply } from '@halyard/contract'
import { administers, placeOf } from '../access/decide.ts'
import { findHeld } from '../access/held.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { restoreEnvironment, restoreFeature, restoreFeatures, restoreProject, restoreSegment } from './commands.ts'
import { pageDeletedOfProject, pageDeletedProjects, type DeletionRow } from './queries.ts'
import { restorableSince, restorableUntil } from './rules.ts'

export const deletionRoutes = ({ now }: Pick<Runtime, 'now'>): Route[] =>
  implement(api.deletions, {
    async listOfOrganisation({ db, organisation, query, url }) {
      const { rows, count } = await pageDeletedProjects(db, organisation, { ...slice(query), since: restorableSince(now()) })
      return pageOf(url, query, { count, results: rows.map(present) })
    },
    async listOfProject({ db, actor, organisation, project, query, url }) {
      const held = await findHeld(db, actor, organisation.id)
      // Nobody but who can restore them saw all that are gone.
      const environments = held && administers(held, placeOf('project', { project })) ? ['environment' as const] : []
      const range = { ...slice(query), since: restorableSince(now()), kinds: ['feature', 'segment', ...environments] as const }
      const { rows, count } = await pageDeletedOfProject(db, project, range)
      return pageOf(url, query, { count, results: rows.map(present) })
    },
    restoreProject: async ({ edit, organisation, params, body }) =>
      presentRestored('project', await restoreProject(edit, organisation, params.id, body.name)),
    restoreEnvironment: async ({ edit, project, params, body }) =>
      presentRestored('environment', await restoreEnvironment(edit, project, params.id, body.name)),
    restoreFeature: async ({ edit, project, params, body }) =>
      presentRestored('feature', await restoreFeature(edit, project, params.id, body.name)),
    restoreFeatures: async ({ edit, project, body }) =>
      (await restoreFeatures(edit, project, body.features)).map((feature) => presentRestored('feature', feature)),
    restoreSegment: async ({ edit, project, params, body }) =>
      presentRestored('segment', await restoreSegment(edit, project, params.id, body.name)),
  })

type Restored = Reply<typeof api.deletions.restoreFeature>

const presentRestored = (kind: DeletedKind, { id, uuid, name }: Omit<Restored, 'kind'>): Restored => ({ kind, id, uuid, name })

const present = (row: DeletionRow): Reply<typeof api.deletions.listOfProject>['results'][number] => ({
  ...row,
  deleted_at: row.deleted_at.toISOString(),
  restorable_until: restorableUntil(row.deleted_at).toISOString(),
})
