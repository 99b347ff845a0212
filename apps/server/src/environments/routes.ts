import { api, type Reply } from '@halyard/contract'
import type { EnvironmentRow, Queryable } from '../access/rows.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { createEnvironment, deleteEnvironment, updateEnvironment } from './commands.ts'
import { countSegmentOverrides, listEnvironments, pageEnvironments } from './queries.ts'

export const environmentRoutes = (): Route[] =>
  implement(api.environments, {
    async list({ db, project, query, url }) {
      const { rows, count } = await pageEnvironments(db, project, slice(query))
      return pageOf(url, query, { count, results: rows.map(present) })
    },
    listOfProject: async ({ db, project }) => (await listEnvironments(db, project)).map(present),
    async create({ edit, project, body: { project: _project, ...settings } }) {
      return presentInFull(edit.tx, await createEnvironment(edit, project, settings))
    },
    get: ({ db, environment }) => presentInFull(db, environment),
    getByUuid: ({ db, environment }) => presentInFull(db, environment),
    update: async ({ edit, environment, body }) => presentInFull(edit.tx, await updateEnvironment(edit, environment, body)),
    replace: async ({ edit, environment, body }) => presentInFull(edit.tx, await updateEnvironment(edit, environment, body)),
    delete: ({ edit, environment }) => deleteEnvironment(edit, environment),
  })

async function presentInFull(db: Queryable, row: EnvironmentRow): Promise<Reply<typeof api.environments.get>> {
  return { ...present(row), total_segment_overrides: await countSegmentOverrides(db, row) }
}

function present(row: EnvironmentRow): Reply<typeof api.environments.listOfProject>[number] {
  const { project_id, created_at: _created, deleted_at: _deleted, ...settings } = row
  return {
    ...settings,
    project: project_id,
    use_mv_v2_evaluation: row.use_identity_composite_key_for_hashing,
    use_v2_feature_versioning: false,
    is_creating: false,
    metadata: [],
  }
}
