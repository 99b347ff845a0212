import { api, invalid, notFound, unknownId, type Reply } from '@halyard/contract'
import { listEnvironments } from '../environments/queries.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { cloneSegment, createSegment, deleteSegment, updateSegment } from './commands.ts'
import type { ProjectRow, Queryable } from '../access/rows.ts'
import {
  findSegmentById,
  findSegmentByUuid,
  listUses,
  pageOverrides,
  pageRevisions,
  pageSegments,
  type SegmentRevision,
  type SegmentRow,
} from './queries.ts'
import { whyNotExported, type SegmentUse } from './rules.ts'

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
    async delete({ edit, actor, project, params, query }) {
      const seen = (await listEnvironments(edit.tx, actor, project)).map(({ id }) => id)
      await deleteSegment(edit, project, params.segment, { ...query, seen })
    },
    clone: async ({ edit, project, params, body }) => present(await cloneSegment(edit, project, params.segment, body.name)),
    async usage({ db, actor, project, params }) {
      const segment = await requireSegment(db, project, params.segment)
      const seen = new Set((await listEnvironments(db, actor, project)).map(({ id }) => id))
      return presentUsage((await listUses(db, segment)).filter((use) => seen.has(use.environment_id)))
    },
    async revisions({ db, project, params, query, url }) {
      const segment = await requireSegment(db, project, params.segment)
      const { rows, count } = await pageRevisions(db, segment, slice(query))
      return pageOf(url, query, { count, results: rows.map(presentRevision) })
    },
    async associatedFeatures({ db, actor, project, params, query, url }) {
      const { environment } = query
      const segment = await requireSegment(db, project, params.segment)
      const seen = (await listEnvironments(db, actor, project)).map(({ id }) => id)
      if (environment !== undefined && !seen.includes(environment)) throw invalid({ environment: [unknownId(environment)] })
      const environments = environment === undefined ? seen : [environment]
      const { rows, count } = await pageOverrides(db, segment, { environments, range: slice(query) })
      const results = rows.map((state) => ({ id: state.id, feature: state.feature_id, environment: state.environment_id }))
      return pageOf(url, query, { count, results })
    },
  })

async function requireSegment(db: Queryable, project: ProjectRow, id: number): Promise<SegmentRow> {
  const segment = await findSegmentById(db, project, id)
  if (!segment) throw notFound()
  return segment
}

function presentUsage(uses: readonly SegmentUse[]): Reply<typeof api.segments.usage> {
  const environments = new Map(uses.map((use) => [use.environment_id, use.environment_name]))
  return {
    feature_count: new Set(uses.map((use) => use.feature_id)).size,
    environment_count: environments.size,
    override_count: uses.length,
    environments: [...environments].map(([id, name]) => ({
      id,
      name,
      features: uses
        .filter((use) => use.environment_id === id)
        .map((use) => ({ id: use.feature_id, name: use.feature_name, enabled: use.enabled, priority: use.priority })),
    })),
  }
}

const presentRevision = ({ from_at, until_at, author, body }: SegmentRevision) => ({
  ...body,
  from: from_at.toISOString(),
  until: until_at?.toISOString() ?? null,
  author,
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
