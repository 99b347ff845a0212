import { api, notFound, type Reply } from '@halyard/contract'
import { requirePermission } from '../access/authorise.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { exportFeatures, importFeatures } from './commands.ts'
import { findExportedFile, listAdministered, pageExports, pageImports } from './queries.ts'

export const featureFileRoutes = (): Route[] =>
  implement(api.featureFiles, {
    async createExport({ edit, project, environment, body }) {
      const exported = await exportFeatures(edit, { project, environment }, body.tag_ids)
      return presentExport({ ...exported, environment_name: environment.name })
    },
    async listExports({ db, actor, project, query, url }) {
      const { rows, count } = await pageExports(db, await listAdministered(db, actor, project), slice(query))
      return pageOf(url, query, { count, results: rows.map(presentExport) })
    },
    async download({ db, environment, params }) {
      const file = await findExportedFile(db, environment, params.feature_export)
      if (file === undefined) throw notFound()
      return { name: `feature_export.${params.feature_export}.json`, type: 'application/json', content: onceOnly(file) }
    },
    async import({ edit, actor, organisation, project, environment, body }) {
      await requirePermission(edit.tx, actor, { organisation, project }, { permission: 'ADMIN', level: 'project' })
      return presentImport(await importFeatures(edit, { project, environment }, body.file, body.strategy))
    },
    async listImports({ db, actor, project, query, url }) {
      const { rows, count } = await pageImports(db, await listAdministered(db, actor, project), slice(query))
      return pageOf(url, query, { count, results: rows.map(presentImport) })
    },
  })

async function* onceOnly(text: string): AsyncGenerator<string> {
  yield text
}

interface Exported {
  readonly id: number
  readonly environment_id: number
  readonly environment_name: string
  readonly created_at: Date
}

const presentExport = ({ id, environment_id, environment_name, created_at }: Exported): Reply<typeof api.featureFiles.createExport> => ({
  id,
  name: `${environment_name} | ${created_at.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  environment_id,
  status: 'SUCCESS',
  created_at: created_at.toISOString(),
})

interface Imported {
  readonly id: number
  readonly environment_id: number
  readonly strategy: string
  readonly created_at: Date
}

const presentImport = ({ id, environment_id, strategy, created_at }: Imported): Reply<typeof api.featureFiles.import> => ({
  id,
  environment_id,
  strategy: strategy === 'SKIP' ? strategy : 'OVERWRITE_DESTRUCTIVE',
  status: 'SUCCESS',
  created_at: created_at.toISOString(),
})
