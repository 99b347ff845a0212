import type { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import { nameOf, type Fixture } from './fixture.ts'

const organisation = ({ organisation: { id } }: Fixture) => ({ organisation: id })

export const transfers: ExamplesOf<typeof api.transfers> = {
  exportOrganisation: async (at) => ({ params: organisation(at), query: { identities: 'true' } }),
  exportProject: async ({ project }) => ({ params: { project: project.id } }),
  async import(at) {
    const environment = { name: 'Production', description: null, api_key: nameOf(at, 'key'), settings: {}, states: [], identities: [] }
    const project = { name: nameOf(at, 'project'), settings: {}, tags: [], features: [], segments: [], environments: [environment] }
    return { params: organisation(at), body: { format: 'halyard', version: 1, projects: [project] } }
  },
}
