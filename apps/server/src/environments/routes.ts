import { api, type Reply } from '@halyard/contract'
import { requirePermission } from '../access/authorise.ts'
import type { EnvironmentRow, Queryable } from '../access/rows.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { cloneEnvironment, createEnvironment, deleteEnvironment, rotateKey, updateEnvironment } from './commands.ts'
import { countMetrics, countSegmentOverrides, listEnvironments, listFormerKeys } from './queries.ts'

export const environmentRoutes = ({ now }: Pick<Runtime, 'now'>): Route[] => {
  const presentInFull = async (db: Queryable, row: EnvironmentRow): Promise<Reply<typeof api.environments.get>> => ({
    ...present(row),
    total_segment_overrides: await countSegmentOverrides(db, row),
    former_api_keys: (await listFormerKeys(db, row, now())).map((former) => ({
      api_key: former.key,
      works_until: former.works_until.toISOString(),
    })),
  })
  return implement(api.environments, {
    async list({ db, actor, project, query, url }) {
      const environments = await listEnvironments(db, actor, project)
      const { offset, limit } = slice(query)
      return pageOf(url, query, { count: environments.length, results: environments.slice(offset, offset + limit).map(present) })
    },
    listOfProject: async ({ db, actor, project }) => (await listEnvironments(db, actor, project)).map(present),
    async create({ edit, project, body: { project: _project, ...settings } }) {
      return presentInFull(edit.tx, await createEnvironment(edit, project, settings))
    },
    get: ({ db, environment }) => presentInFull(db, environment),
    getByUuid: ({ db, environment }) => presentInFull(db, environment),
    update: async ({ edit, environment, body }) => presentInFull(edit.tx, await updateEnvironment(edit, environment, body)),
    replace: async ({ edit, environment, body }) => presentInFull(edit.tx, await updateEnvironment(edit, environment, body)),
    delete: ({ edit, environment }) => deleteEnvironment(edit, environment),
    async clone({ edit, actor, body, ...rows }) {
      await requirePermission(edit.tx, actor, rows, { permission: 'CREATE_ENVIRONMENT', level: 'project' })
      return presentInFull(edit.tx, await cloneEnvironment(edit, rows.environment, body.name))
    },
    metrics: async ({ db, environment }) => ({ metrics: presentMetrics(await countMetrics(db, environment)) }),
    rotateKey: async ({ edit, environment, body }) => presentInFull(edit.tx, await rotateKey(edit, environment, body.old_key_works_until)),
  })
}

const presentMetrics = (counts: Awaited<ReturnType<typeof countMetrics>>): Reply<typeof api.environments.metrics>['metrics'] => [
  { name: 'total_features', description: 'Total features', entity: 'features', rank: 1, value: counts.total_features },
  { name: 'enabled_features', description: 'Enabled features', entity: 'features', rank: 2, value: counts.enabled_features },
  { name: 'segment_overrides', description: 'Segment overrides', entity: 'segments', rank: 3, value: counts.segment_overrides },
  { name: 'identity_overrides', description: 'Identity overrides', entity: 'identities', rank: 4, value: counts.identity_overrides },
]

function present(row: EnvironmentRow): Reply<typeof api.environments.listOfProject>[number] {
  const { project_id, created_at: _created, deleted_at: _deleted, hash_key: _hashKey, ...settings } = row
  return {
    ...settings,
    project: project_id,
    use_mv_v2_evaluation: row.use_identity_composite_key_for_hashing,
    is_creating: false,
    metadata: [],
  }
}
