import type { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import type { Fixture } from './fixture.ts'
import { makeFeature } from './makers.ts'

const organisation = ({ organisation: { id } }: Fixture) => ({ organisation: id })
const environment = ({ environment: { api_key } }: Fixture) => ({ environment_key: api_key })

export const usage: ExamplesOf<typeof api.usage> = {
  ofOrganisation: async (at) => ({
    params: organisation(at),
    query: { project_id: at.project.id, environment_id: at.environment.id, period: '90_day_period' },
  }),
  totalOfOrganisation: async (at) => ({ params: organisation(at) }),
  ofFeature: async (at) => ({
    params: { project: at.project.id, feature: (await makeFeature(at)).id },
    query: { environment_id: at.environment.id, period: 7 },
  }),
  ofEnvironment: async (at) => ({ params: environment(at) }),
  onboardingStatus: async (at) => ({ params: environment(at) }),
}

export const staleFeatures: ExamplesOf<typeof api.staleFeatures> = {
  list: async ({ project: { id } }) => ({ params: { project: id } }),
}
