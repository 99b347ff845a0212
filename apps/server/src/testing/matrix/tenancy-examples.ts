import { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import { joinAs, makeEnvironment, makeMember, nameOf, type Fixture } from './fixture.ts'
import { makeEnvironmentApiKey, makeMasterApiKey, makeProject, makeTag } from './makers.ts'

const organisation = ({ organisation: { id } }: Fixture) => ({ organisation: id })

export const organisations: ExamplesOf<typeof api.organisations> = {
  list: async () => ({ query: { page_size: 5 } }),
  create: async (at) => ({ body: { name: nameOf(at, 'organisation') } }),
  get: async (at) => ({ params: organisation(at) }),
  getByUuid: async (at) => ({ params: { uuid: at.organisation.uuid } }),
  update: async (at) => ({ params: organisation(at), body: { persist_trait_data: false, webhook_notification_email: 'ada@example.com' } }),
  replace: async (at) => ({ params: organisation(at), body: { name: nameOf(at, 'organisation'), feature_analytics: true } }),
  delete: async (at) => ({ params: organisation(at) }),
}

export const members: ExamplesOf<typeof api.members> = {
  list: async (at) => ({ params: organisation(at), query: { exclude_current: 'false', search: 'tester', page: 1, page_size: 999 } }),
  async updateRole(at) {
    const user = await joinAs(at.server, at.organisation)
    return { params: { ...organisation(at), user }, body: { role: 'ADMIN' } }
  },
  remove: async (at) => ({ params: organisation(at), body: [{ id: await joinAs(at.server, at.organisation) }] }),
  leave: async (at) => ({ params: organisation(at), authorization: await makeMember(at.server, at.organisation) }),
}

const masterApiKey = async (at: Fixture) => ({ ...organisation(at), prefix: (await makeMasterApiKey(at)).prefix })

export const masterApiKeys: ExamplesOf<typeof api.masterApiKeys> = {
  list: async (at) => ({ params: organisation(at) }),
  create: async (at) => ({ params: organisation(at), body: { name: 'CI', is_admin: false, expiry_date: '2999-01-01T00:00:00Z' } }),
  get: async (at) => ({ params: await masterApiKey(at) }),
  update: async (at) => ({ params: await masterApiKey(at), body: { name: 'Renamed' } }),
  replace: async (at) => ({ params: await masterApiKey(at), body: { name: 'Replaced', is_admin: false } }),
  delete: async (at) => ({ params: await masterApiKey(at) }),
}

const trusted = (at: Fixture) => ({
  name: nameOf(at, 'CI'),
  issuer: 'https://token.actions.githubusercontent.com',
  audience: nameOf(at, 'audience'),
  claim_rules: [{ claim: 'repository', values: ['acme/*'] }],
  is_admin: true,
})
async function makeTrustRelationship(at: Fixture) {
  const made = await at.server.as(at.authorization, api.trustRelationships).create({ params: organisation(at), body: trusted(at) })
  return { ...organisation(at), trust_relationship: made.id }
}

export const trustRelationships: ExamplesOf<typeof api.trustRelationships> = {
  list: async (at) => ({ params: organisation(at) }),
  create: async (at) => ({ params: organisation(at), body: trusted(at) }),
  get: async (at) => ({ params: await makeTrustRelationship(at) }),
  update: async (at) => ({ params: await makeTrustRelationship(at), body: { name: 'Renamed' } }),
  replace: async (at) => ({ params: await makeTrustRelationship(at), body: { ...trusted(at), is_admin: false } }),
  delete: async (at) => ({ params: await makeTrustRelationship(at) }),
  // Only an issuer can sign one: trust-relationships.test.ts.
  exchange: async () => ({ body: { token: 'signed by nobody' } }),
}

const project = ({ project: { id } }: Fixture) => ({ project: id })

export const projects: ExamplesOf<typeof api.projects> = {
  list: async (at) => ({ query: { organisation: at.organisation.id, uuid: at.project.uuid } }),
  listOfOrganisation: async (at) => ({ params: organisation(at) }),
  create: async (at) => ({ body: { name: nameOf(at, 'project'), organisation: at.organisation.id, stale_flags_limit_days: 7 } }),
  get: async (at) => ({ params: project(at) }),
  getByUuid: async (at) => ({ params: { uuid: at.project.uuid } }),
  update: async (at) => ({ params: { project: (await makeProject(at)).id }, body: { hide_disabled_flags: true } }),
  replace: async (at) => ({ params: { project: (await makeProject(at)).id }, body: { name: nameOf(at, 'project') } }),
  delete: async (at) => ({ params: { project: (await makeProject(at)).id } }),
}

const environment = ({ environment: { api_key } }: Fixture) => ({ environment_key: api_key })
const ownEnvironment = async (at: Fixture) => ({ environment_key: (await makeEnvironment(at)).api_key })

export const environments: ExamplesOf<typeof api.environments> = {
  list: async (at) => ({ query: { project: at.project.id, page_size: 5 } }),
  listOfProject: async (at) => ({ params: project(at) }),
  create: async (at) => ({ body: { name: nameOf(at, 'environment'), project: at.project.id, banner_text: 'Careful' } }),
  get: async (at) => ({ params: environment(at) }),
  getByUuid: async (at) => ({ params: { uuid: at.environment.uuid } }),
  update: async (at) => ({ params: await ownEnvironment(at), body: { description: 'Changed', hide_disabled_flags: true } }),
  replace: async (at) => ({ params: await ownEnvironment(at), body: { name: nameOf(at, 'environment'), api_key: nameOf(at, 'key') } }),
  delete: async (at) => ({ params: await ownEnvironment(at) }),
  clone: async (at) => ({ params: environment(at), body: { name: nameOf(at, 'environment'), clone_feature_states_async: true } }),
  metrics: async (at) => ({ params: environment(at) }),
  rotateKey: async (at) => ({ params: await ownEnvironment(at), body: { old_key_works_until: '2999-01-01T00:00:00Z' } }),
}

const environmentApiKey = async (at: Fixture) => ({ ...environment(at), environment_api_key: (await makeEnvironmentApiKey(at)).id })

export const environmentApiKeys: ExamplesOf<typeof api.environmentApiKeys> = {
  list: async (at) => ({ params: environment(at) }),
  create: async (at) => ({ params: environment(at), body: { name: 'Edge', active: false, expires_at: '2999-01-01T00:00:00Z' } }),
  update: async (at) => ({ params: await environmentApiKey(at), body: { active: false } }),
  replace: async (at) => ({ params: await environmentApiKey(at), body: { name: 'Replaced' } }),
  delete: async (at) => ({ params: await environmentApiKey(at) }),
}

export const environmentDocument: ExamplesOf<typeof api.environmentDocument> = {
  get: async (at) => ({ params: environment(at), query: { at: new Date().toISOString() } }),
}

const tag = async (at: Fixture) => ({ ...project(at), tag: (await makeTag(at)).id })

export const tags: ExamplesOf<typeof api.tags> = {
  list: async (at) => ({ params: project(at) }),
  create: async (at) => ({ params: project(at), body: { label: nameOf(at, 'tag'), color: '#112233', is_permanent: true } }),
  get: async (at) => ({ params: await tag(at) }),
  getByUuid: async (at) => ({ params: { ...project(at), uuid: (await makeTag(at)).uuid } }),
  update: async (at) => ({ params: await tag(at), body: { description: 'Changed' } }),
  replace: async (at) => ({ params: await tag(at), body: { label: nameOf(at, 'tag') } }),
  delete: async (at) => ({ params: await tag(at) }),
}
