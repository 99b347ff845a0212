import type { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import { nameOf, type Fixture } from './fixture.ts'
import { makeFeature, makeIdentity, makeIdentityOverride, makeTrait } from './makers.ts'

const environment = ({ environment: { api_key } }: Fixture) => ({ environment_key: api_key })
const identity = async (at: Fixture) => ({ ...environment(at), identity: (await makeIdentity(at)).id })

export const identities: ExamplesOf<typeof api.identities> = {
  list: async (at) => ({ params: environment(at), query: { q: 'identity', page_size: 5 } }),
  create: async (at) => ({ params: environment(at), body: { identifier: nameOf(at, 'identity') } }),
  get: async (at) => ({ params: await identity(at) }),
  update: async (at) => ({ params: await identity(at), body: { dashboard_alias: nameOf(at, 'alias') } }),
  bulkDelete: async (at) => ({ params: environment(at), body: { ids: [(await makeIdentity(at)).id, (await makeIdentity(at)).id] } }),
  delete: async (at) => ({ params: await identity(at) }),
}

export const personalData: ExamplesOf<typeof api.personalData> = {
  export: async (at) => ({ params: await identity(at) }),
  erase: async (at) => ({ params: await identity(at) }),
}

async function trait(at: Fixture) {
  const made = await makeTrait(at)
  return { ...environment(at), identity: made.identity.id, trait: made.trait.id }
}

export const identityTraits: ExamplesOf<typeof api.identityTraits> = {
  async list(at) {
    const made = await makeTrait(at)
    return { params: { ...environment(at), identity: made.identity.id } }
  },
  create: async (at) => ({ params: await identity(at), body: { trait_key: nameOf(at, 'trait'), value_type: 'int', integer_value: 42 } }),
  get: async (at) => ({ params: await trait(at) }),
  update: async (at) => ({ params: await trait(at), body: { boolean_value: true } }),
  replace: async (at) => ({ params: await trait(at), body: { value_type: 'float', float_value: 1.5 } }),
  delete: async (at) => ({ params: await trait(at), query: { deleteAllMatchingTraits: 'true' } }),
  listKeys: async (at) => ({ params: environment(at) }),
  deleteKey: async (at) => ({ params: environment(at), body: { key: nameOf(at, 'trait') } }),
}

async function override(at: Fixture) {
  const made = await makeIdentityOverride(at)
  return { ...environment(at), identity: made.identity.id, feature_state: made.id }
}

export const identityOverrides: ExamplesOf<typeof api.identityOverrides> = {
  async list(at) {
    const made = await makeIdentityOverride(at)
    return { params: { ...environment(at), identity: made.identity.id } }
  },
  listSegments: async (at) => ({ params: await identity(at) }),
  listAll: async (at) => ({ params: await identity(at) }),
  create: async (at) => ({
    params: await identity(at),
    body: { feature: (await makeFeature(at)).id, enabled: true, feature_state_value: 'red' },
  }),
  cloneFrom: async (at) => ({ params: await identity(at), body: { source_identity_id: (await makeIdentityOverride(at)).identity.id } }),
  get: async (at) => ({ params: await override(at) }),
  update: async (at) => ({ params: await override(at), body: { enabled: true } }),
  replace: async (at) => ({ params: await override(at), body: { enabled: true, feature_state_value: 'red' } }),
  delete: async (at) => ({ params: await override(at) }),
}

export const explanations: ExamplesOf<typeof api.explanations> = {
  async explain(at) {
    const [owner, feature] = [await makeIdentity(at), await makeFeature(at)]
    return {
      params: environment(at),
      body: { identifier: owner.identifier, traits: { plan: 'gold' }, transient: false, feature: feature.name },
    }
  },
}
