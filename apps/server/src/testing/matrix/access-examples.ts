import type { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import type { Fixture } from './fixture.ts'

const organisation = ({ organisation: { id } }: Fixture) => ({ organisation: id })
const project = ({ project: { id } }: Fixture) => ({ project: id })
const environment = ({ environment: { api_key } }: Fixture) => ({ environment_key: api_key })
const user = ({ userId }: Fixture) => ({ user: userId })

export const permissionViews: ExamplesOf<typeof api.permissionViews> = {
  listForOrganisations: async () => ({}),
  listForProjects: async () => ({}),
  listForEnvironments: async () => ({}),
  mineInOrganisation: async (at) => ({ params: organisation(at) }),
  mineInProject: async (at) => ({ params: project(at) }),
  mineInEnvironment: async (at) => ({ params: environment(at) }),
  ofUserInOrganisation: async (at) => ({ params: { ...organisation(at), ...user(at) } }),
  ofUserInProject: async (at) => ({ params: { ...project(at), ...user(at) } }),
  ofUserInEnvironment: async (at) => ({ params: { ...environment(at), ...user(at) } }),
  allOfUserInProject: async (at) => ({ params: { ...project(at), ...user(at) } }),
  accessToOrganisation: async (at) => ({ params: organisation(at), query: { user: at.userId } }),
  accessToProject: async (at) => ({ params: project(at), query: { user: at.userId } }),
  accessToEnvironment: async (at) => ({ params: environment(at), query: { user: at.userId } }),
}
