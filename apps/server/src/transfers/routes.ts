import { api, exportFile, invalid, type ExportFile, type Reply } from '@halyard/contract'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import { isEnvironmentKeyTaken } from '../environments/queries.ts'
import { implement, type Route } from '../http/implement.ts'
import type { InEdit } from '../http/input.ts'
import { checkJson } from '../http/read-json.ts'
import { isProjectNameTaken } from '../projects/queries.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { importProject, type ImportedProject } from './commands.ts'
import { listLiveProjects } from './queries.ts'
import { readUpload } from './read-upload.ts'
import { findProblems, isSeeded, problemsMax, type FileProblem } from './rules.ts'
import { StagedIdentities } from './staged-identities.ts'
import { exportOf } from './write-export.ts'

type Report = Reply<typeof api.transfers.import>

export const transferRoutes = (runtime: Runtime): Route[] =>
  implement(api.transfers, {
    async exportOrganisation({ db, organisation, query }) {
      const projects = await listLiveProjects(db, organisation)
      return exportOf(runtime, projects, { name: `organisation-${organisation.id}`, identities: query.identities })
    },
    exportProject: async ({ project, query }) =>
      exportOf(runtime, [project], { name: `project-${project.id}`, identities: query.identities }),
    async import({ db, organisation, query, upload, inEdit }) {
      const staged = new StagedIdentities(runtime, query.dry_run)
      try {
        const megabytesMax = runtime.config.importMegabytesMax
        const written = await readUpload(upload, { megabytesMax, onIdentities: (place, identities) => staged.add(place, identities) })
        const file = readFile(written)
        const problems = [...staged.problems, ...findProblems(file), ...(await findTaken(db, organisation, file))].slice(0, problemsMax)
        if (query.dry_run) return { dry_run: true, problems, warnings: await foresee(db, file), projects: await plan(db, file, staged) }
        if (problems.length > 0) throw refusal(problems)
        return await importAll({ organisation, file, staged, inEdit })
      } catch (error) {
        await staged.forget()
        throw error
      } finally {
        await staged.close()
      }
    },
  })

function readFile(written: unknown): ExportFile {
  checkJson(written)
  const read = exportFile.safeParse(written)
  if (read.success) return read.data
  throw refusal(read.error.issues.slice(0, problemsMax).map(({ path, message }) => ({ path: path.join('.'), message })))
}

const refusal = (problems: readonly FileProblem[]) =>
  invalid(Object.fromEntries(problems.map(({ path, message }) => [path || 'non_field_errors', [message]])))

async function findTaken(db: Queryable, organisation: OrganisationRow, { projects }: ExportFile): Promise<FileProblem[]> {
  const taken: FileProblem[] = []
  for (const [index, { name }] of projects.entries()) {
    if (!(await isProjectNameTaken(db, organisation, name))) continue
    taken.push({ path: `projects.${index}.name`, message: `A project named “${name}” already exists: rename it, or the one in the file.` })
  }
  return taken
}

/** What will not be as it was: keys that somebody has already, and what is drawn anew with them. */
async function foresee(db: Queryable, { projects }: ExportFile): Promise<FileProblem[]> {
  const warnings: FileProblem[] = []
  for (const [index, project] of projects.entries()) {
    for (const [place, environment] of project.environments.entries()) {
      if (await isEnvironmentKeyTaken(db, environment.api_key)) {
        const drawn = environment.hash_key === undefined ? ', and percentages in it are drawn anew' : ''
        const message = `The key ${environment.api_key} is taken: the environment gets another${drawn}.`
        warnings.push({ path: `projects.${index}.environments.${place}.api_key`, message })
      }
    }
  }
  return warnings
}

const counts = (project: ExportFile['projects'][number]) => ({
  name: project.name,
  features: project.features.length,
  segments: project.segments.length,
  overrides: project.environments
    .flatMap(({ states }) => states)
    .filter(({ segment, identifier }) => segment !== null || identifier !== null).length,
})

const plan = (db: Queryable, { projects }: ExportFile, staged: StagedIdentities): Promise<Report['projects']> =>
  Promise.all(
    projects.map(async (project, index) => ({
      id: null,
      ...counts(project),
      environments: await Promise.all(
        project.environments.map(async ({ name, api_key }, environment) => ({
          id: null,
          name,
          api_key: (await isEnvironmentKeyTaken(db, api_key)) ? null : api_key,
          identities: staged.countOf({ project: index, environment }),
        })),
      ),
    })),
  )

interface Import {
  readonly organisation: OrganisationRow
  readonly file: ExportFile
  readonly staged: StagedIdentities
  readonly inEdit: InEdit
}

async function importAll({ organisation, file, staged, inEdit }: Import): Promise<Report> {
  const imported = await inEdit(
    async (edit) => {
      const done: ImportedProject[] = []
      for (const [index, project] of file.projects.entries())
        done.push(await importProject(edit, organisation, project, staged.idsOf(index)))
      return done
    },
    // The projects are new: an emergency elsewhere must not wait for them.
    { on: 'organisation', id: organisation.id, withProjects: false },
  )
  const warnings = imported.flatMap(({ isSame }, index) => {
    const project = file.projects[index]
    const message = 'Some keys or ids were taken here: identities may see other variants, and be in other percentages, than before.'
    return !isSame && project && isSeeded(project) ? [{ path: `projects.${index}`, message }] : []
  })
  const projects = imported.map(({ project, environments }, index) => ({
    ...counts(file.projects[index] ?? { name: project.name, settings: {}, tags: [], features: [], segments: [], environments: [] }),
    id: project.id,
    environments: environments.map(({ id, name, api_key }, environment) => ({
      id,
      name,
      api_key,
      identities: staged.countOf({ project: index, environment }),
    })),
  }))
  return { dry_run: false, problems: [], warnings, projects }
}
