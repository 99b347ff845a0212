import type { Actor } from '../access/actor.ts'
import { canSee } from '../access/decide.ts'
import { listHeld } from '../access/held.ts'
import type { OrganisationRow, ProjectRow, Queryable } from '../access/rows.ts'

/** The projects an actor may see, oldest first. */
export async function listProjects(
  db: Queryable,
  actor: Actor,
  only: { organisation?: number | undefined; uuid?: string | undefined },
): Promise<ProjectRow[]> {
  const held = await listHeld(db, actor)
  const wanted = [...held.keys()].filter((id) => only.organisation === undefined || id === only.organisation)
  if (wanted.length === 0) return []
  const projects = await db
    .selectFrom('projects')
    .innerJoin('organisations', 'organisations.id', 'projects.organisation_id')
    .selectAll('projects')
    .where('organisation_id', 'in', wanted)
    .where('organisations.deleted_at', 'is', null)
    .where('projects.deleted_at', 'is', null)
    .$if(only.uuid !== undefined, (projects) => projects.where('projects.uuid', '=', only.uuid ?? ''))
    .orderBy('projects.id')
    .execute()
  return projects.filter((project) => {
    const inOrganisation = held.get(project.organisation_id)
    return inOrganisation && canSee(inOrganisation, { level: 'project', project })
  })
}

export async function isProjectNameTaken(db: Queryable, organisation: Pick<OrganisationRow, 'id'>, name: string): Promise<boolean> {
  const namesake = await db
    .selectFrom('projects')
    .select('id')
    .where('organisation_id', '=', organisation.id)
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return namesake !== undefined
}

export const countContents = (db: Queryable, project: ProjectRow): Promise<{ features: number; segments: number }> =>
  db
    .selectNoFrom((select) => [
      select
        .selectFrom('features')
        .select((feature) => feature.fn.countAll<number>().as('count'))
        .where('project_id', '=', project.id)
        .where('deleted_at', 'is', null)
        .$asScalar()
        .$notNull()
        .as('features'),
      select
        .selectFrom('segments')
        .select((segment) => segment.fn.countAll<number>().as('count'))
        .where('project_id', '=', project.id)
        .where('deleted_at', 'is', null)
        .$asScalar()
        .$notNull()
        .as('segments'),
    ])
    .executeTakeFirstOrThrow()
