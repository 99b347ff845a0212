import { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import { nameOf, type Fixture } from './fixture.ts'
import { makeTag } from './makers.ts'

const project = ({ project: { id } }: Fixture) => ({ project: id })

const makeExport = (at: Fixture) =>
  at.server.as(at.authorization, api.featureFiles).createExport({ body: { environment_id: at.environment.id } })

export const featureFiles: ExamplesOf<typeof api.featureFiles> = {
  createExport: async (at) => ({ body: { environment_id: at.environment.id, tag_ids: [(await makeTag(at)).id] } }),
  async listExports(at) {
    await makeExport(at)
    return { params: project(at) }
  },
  download: async (at) => ({ params: { feature_export: (await makeExport(at)).id } }),
  async import(at) {
    const feature = { name: nameOf(at, 'feature'), default_enabled: true, is_server_key_only: false, initial_value: 'blue' }
    const file = JSON.stringify([{ ...feature, enabled: false, type: 'int', value: 7, multivariate: [] }])
    return { params: { environment: at.environment.id }, body: { file, strategy: 'SKIP' } }
  },
  listImports: async (at) => ({ params: project(at) }),
}
