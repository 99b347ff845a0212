import { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import { makeEnvironment, nameOf, type Fixture } from './fixture.ts'
import { makeFeature, makeProject, makeSegment } from './makers.ts'

const project = ({ project: { id } }: Fixture) => ({ project: id })

async function deletedProject(at: Fixture) {
  const { id } = await makeProject(at)
  await at.server.as(at.authorization, api.projects).delete({ params: { project: id } })
  return { organisation: at.organisation.id, id }
}

async function deletedEnvironment(at: Fixture) {
  const { id, api_key: key } = await makeEnvironment(at)
  await at.server.as(at.authorization, api.environments).delete({ params: { environment_key: key } })
  return { ...project(at), id }
}

async function deletedFeature(at: Fixture) {
  const { id } = await makeFeature(at)
  await at.server.as(at.authorization, api.features).delete({ params: { ...project(at), feature: id } })
  return { ...project(at), id }
}

async function deletedSegment(at: Fixture) {
  const { id } = await makeSegment(at)
  await at.server.as(at.authorization, api.segments).delete({ params: { ...project(at), segment: id } })
  return { ...project(at), id }
}

export const deletions: ExamplesOf<typeof api.deletions> = {
  async listOfOrganisation(at) {
    const { organisation } = await deletedProject(at)
    return { params: { organisation }, query: { page_size: 5 } }
  },
  async listOfProject(at) {
    await deletedFeature(at)
    return { params: project(at), query: { page_size: 5 } }
  },
  restoreProject: async (at) => ({ params: await deletedProject(at), body: {} }),
  restoreEnvironment: async (at) => ({ params: await deletedEnvironment(at), body: { name: nameOf(at, 'environment') } }),
  restoreFeature: async (at) => ({ params: await deletedFeature(at), body: {} }),
  restoreFeatures: async (at) => ({
    params: project(at),
    body: { features: [(await deletedFeature(at)).id, (await deletedFeature(at)).id] },
  }),
  restoreSegment: async (at) => ({ params: await deletedSegment(at), body: {} }),
}
