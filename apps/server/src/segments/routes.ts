import { api, invalid, notFound, unknownId, type Reply } from '@halyard/contract'
import { listEnvironments } from '../environments/queries.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { cloneSegment, createSegment, deleteSegment, updateSegment } from './commands.ts'
import { findSegmentByUuid, pageOverrides, pageSegments, findSegmentById, type SegmentRow } from './queries.ts'
import { whyNotExported } from './rules.ts'

export const segmentRoutes = (): Route[] =>
  implement(api.segments, {
    async list({ db, project, query, url }) {
      const { rows, count } = await pageSegments(db, project, { filter: query, range: slice(query) })
      return pageOf(url, query, { count, results: rows.map(present) })
    },
    create: async ({ edit, project, body }) => present(await createSegment(edit, project, body)),
    get: async ({ db, project, params }) => presentFound(await findSegmentById(db, project, params.segment)),
    getByUuid: async ({ db, project, params }) => presentFound(await findSegmentByUuid(db, project, params.uuid)),
    update: async ({ edit, project, params, body }) => present(await updateSegment(edit, project, params.segment, body)),
    replace: async ({ edit, project, params, body }) => present(await updateSegment(edit, project, params.segment, body)),
    delete: ({ edit, project, params }) => deleteSegment(edit, project, params.segment),
    clone: async ({ edit, project, params, body }) => present(await cloneSegment(edit, project, params.segment, body.name)),
    async associatedFeatures({ db, actor, project, params, query, url }) {
      const { environment } = query
      const segment = await findSegmentById(db, project, params.segment)
      if (!segment) throw notFound()
      const seen = (await listEnvironments(db, actor, project)).map(({ id }) => id)
      if (environment !== undefined && !seen.includes(environment)) throw invalid({ environment: [unknownId(environment)] })
      const environments = environment === undefined ? seen : [environment]
      const { rows, count } = await pageOverrides(db, segment, { environments, range: slice(query) })
      const results = rows.map((state) => ({ id: state.id, feature: state.feature_id, environment: state.environment_id }))
      return pageOf(url, query, { count, results })
    },
  })

function presentFound(segment: SegmentRow | undefined): Reply<typeof api.segments.get> {
  if (!segment) throw notFound()
  return present(segment)
}

function present(segment: SegmentRow): Reply<typeof api.segments.get> {
  const { project_id, feature_id, created_at, updated_at, deleted_at: _deleted, rules, ...rest } = segment
  return {
    ...rest,
    rules: [...rules],
    project: project_id,
    feature: feature_id,
    version_of: segment.id,
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
    managed_by: '',
    membership_counts: [],
    metadata: [],
    local_evaluation: presentExport(rules),
  }
}

function presentExport(rules: SegmentRow['rules']): Reply<typeof api.segments.get>['local_evaluation'] {
  const reason = whyNotExported(rules)
  return { is_exported: reason === undefined, reason: reason ?? null }
}
