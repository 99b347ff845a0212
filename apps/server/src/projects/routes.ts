import { api, type Reply } from '@halyard/contract'
import { requirePermission } from '../access/authorise.ts'
import type { ProjectRow, Queryable } from '../access/rows.ts'
import { implement, type Route } from '../http/implement.ts'
import { createProject, deleteProject, updateProject } from './commands.ts'
import { countContents, listProjects } from './queries.ts'

export const projectRoutes = (): Route[] =>
  implement(api.projects, {
    list: async ({ db, actor, query }) => (await listProjects(db, actor, query)).map(present),
    listOfOrganisation: async ({ db, actor, organisation }) =>
      (await listProjects(db, actor, { organisation: organisation.id })).map(present),
    async create({ edit, actor, organisation, body: { organisation: _organisation, ...settings } }) {
      if (organisation.restrict_project_create_to_admin)
        await requirePermission(edit.tx, actor, { organisation }, { permission: 'ADMIN', level: 'organisation' })
      return presentInFull(edit.tx, await createProject(edit, organisation, settings))
    },
    get: ({ db, project }) => presentInFull(db, project),
    getByUuid: ({ db, project }) => presentInFull(db, project),
    update: async ({ edit, project, body }) => presentInFull(edit.tx, await updateProject(edit, project, body)),
    replace: async ({ edit, project, body }) => presentInFull(edit.tx, await updateProject(edit, project, body)),
    delete: ({ edit, project }) => deleteProject(edit, project),
  })

async function presentInFull(db: Queryable, row: ProjectRow): Promise<Reply<typeof api.projects.get>> {
  const { features, segments } = await countContents(db, row)
  return {
    ...present(row),
    total_features: features,
    total_segments: segments,
    max_features_allowed: null,
    max_segments_allowed: null,
    max_segment_overrides_allowed: null,
  }
}

function present(row: ProjectRow): Reply<typeof api.projects.list>[number] {
  const { organisation_id, created_at, changed_at: _changed, deleted_at: _deleted, ...settings } = row
  return {
    ...settings,
    organisation: organisation_id,
    created_date: created_at.toISOString(),
    // Of the hosted product that we are compatible with; here identities are always in the database.
    enable_dynamo_db: false,
    migration_status: 'NOT_APPLICABLE',
    edge_v2_migration_status: 'NOT_STARTED',
    use_edge_identities: false,
    show_edge_identity_overrides_for_feature: false,
  }
}
