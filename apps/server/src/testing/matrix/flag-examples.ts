import { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import { nameOf, type Fixture } from './fixture.ts'
import {
  everybody,
  findDefault,
  makeFeature,
  makeGroup,
  makeIdentityOverride,
  makeOwnerless,
  makePlace,
  makeSegment,
  makeSegmentOverride,
  makeState,
  makeTag,
  makeVariant,
} from './makers.ts'

const project = ({ project: { id } }: Fixture) => ({ project: id })
const environment = ({ environment: { api_key } }: Fixture) => ({ environment_key: api_key })
const feature = async (at: Fixture) => ({ ...project(at), feature: (await makeFeature(at)).id })

export const features: ExamplesOf<typeof api.features> = {
  async list(at) {
    const [tag, segment] = [await makeTag(at), await makeSegment(at)]
    return {
      params: project(at),
      query: { environment: at.environment.id, segment: segment.id, tags: `${tag.id}`, owners: `${at.userId}` },
    }
  },
  async create(at) {
    const tag = await makeTag(at)
    const variants = [{ string_value: 'red', key: 'red', default_percentage_allocation: 50 }]
    const settings = {
      default_enabled: true,
      initial_value: 'blue',
      tags: [tag.id],
      owners: [at.userId],
      group_owners: [(await makeGroup(at)).id],
    }
    return { params: project(at), body: { name: nameOf(at, 'feature'), type: 'MULTIVARIATE', multivariate_options: variants, ...settings } }
  },
  get: async (at) => ({ params: await feature(at) }),
  getByUuid: async (at) => ({ params: { uuid: (await makeFeature(at)).uuid } }),
  update: async (at) => ({ params: await feature(at), body: { description: 'Changed', tags: [(await makeTag(at)).id] } }),
  replace: async (at) => ({ params: await feature(at), body: { is_archived: true, is_server_key_only: true } }),
  delete: async (at) => ({ params: await feature(at) }),
  async addOwners(at) {
    const { id } = await makeOwnerless(at)
    return { params: { ...project(at), feature: id }, body: { user_ids: [at.userId] } }
  },
  removeOwners: async (at) => ({ params: await feature(at), body: { user_ids: [at.userId] } }),
  addGroupOwners: async (at) => ({ params: await feature(at), body: { group_ids: [(await makeGroup(at)).id] } }),
  async removeGroupOwners(at) {
    const [params, group] = [await feature(at), await makeGroup(at)]
    const body = { group_ids: [group.id] }
    await at.server.as(at.authorization, api.features).addGroupOwners({ params, body })
    return { params, body }
  },
  async updateMany(at) {
    const [one, other, tag] = [await makeFeature(at), await makeFeature(at), await makeTag(at)]
    return { params: project(at), body: { features: [one.id, other.id], is_archived: true, add_tags: [tag.id], remove_tags: [] } }
  },
  deleteMany: async (at) => ({ params: project(at), body: { features: [(await makeFeature(at)).id, (await makeFeature(at)).id] } }),
}

async function variant(at: Fixture) {
  const { id, feature: featureId } = await makeVariant(at)
  return { ...project(at), feature: featureId, variant: id }
}

export const variants: ExamplesOf<typeof api.variants> = {
  async list(at) {
    const { feature: featureId } = await makeVariant(at)
    return { params: { ...project(at), feature: featureId } }
  },
  create: async (at) => ({
    params: await feature(at),
    body: { type: 'int', integer_value: 42, key: 'answer', default_percentage_allocation: 30 },
  }),
  get: async (at) => ({ params: await variant(at) }),
  getByUuid: async (at) => ({ params: { uuid: (await makeVariant(at)).uuid } }),
  update: async (at) => ({ params: await variant(at), body: { string_value: 'green' } }),
  replace: async (at) => ({ params: await variant(at), body: { string_value: 'green', default_percentage_allocation: 10 } }),
  delete: async (at) => ({ params: await variant(at) }),
}

async function withSchema(at: Fixture) {
  const params = await feature(at)
  await at.server.as(at.authorization, api.valueSchemas).replace({ params, body: { schema: true, accept_existing_values: true } })
  return params
}

export const valueSchemas: ExamplesOf<typeof api.valueSchemas> = {
  get: async (at) => ({ params: await withSchema(at) }),
  replace: async (at) => ({ params: await withSchema(at), body: { schema: { type: 'object' }, accept_existing_values: true } }),
  delete: async (at) => ({ params: await withSchema(at) }),
}

const state = async (at: Fixture) => ({ ...environment(at), feature_state: (await makeState(at)).id })

export const featureStates: ExamplesOf<typeof api.featureStates> = {
  list: async (at) => ({ params: environment(at), query: { feature: (await makeFeature(at)).id } }),
  get: async (at) => ({ params: await state(at) }),
  async update(at) {
    const { id, feature: featureId } = await makeVariant(at)
    const { id: stateId } = await findDefault(at, { id: featureId })
    const weights = [{ multivariate_feature_option: id, percentage_allocation: 60 }]
    return { params: { ...environment(at), feature_state: stateId }, body: { enabled: true, multivariate_feature_state_values: weights } }
  },
  replace: async (at) => ({
    params: { ...environment(at), feature_state: (await makeIdentityOverride(at)).id },
    body: { enabled: true, feature_state_value: 'red' },
  }),
  async listTyped(at) {
    const { feature: featureId, feature_segment: place } = await makeSegmentOverride(at)
    return { query: { environment: at.environment.id, feature: featureId, feature_segment: place.id } }
  },
  async createTyped(at) {
    const place = await makePlace(at)
    const value = { type: 'unicode', string_value: 'red' } as const
    return {
      body: {
        environment: at.environment.id,
        feature: place.feature,
        feature_segment: place.id,
        enabled: true,
        feature_state_value: value,
      },
    }
  },
  getTyped: async (at) => ({ params: { feature_state: (await makeState(at)).id } }),
  getTypedByUuid: async (at) => ({ params: { uuid: (await makeState(at)).uuid } }),
  updateTyped: async (at) => ({ params: { feature_state: (await makeSegmentOverride(at)).id }, body: { enabled: true } }),
  replaceTyped: async (at) => ({
    params: { feature_state: (await makeState(at)).id },
    body: { feature_state_value: { integer_value: 7 } },
  }),
}

const segment = async (at: Fixture) => ({ ...project(at), segment: (await makeSegment(at)).id })

export const segments: ExamplesOf<typeof api.segments> = {
  list: async (at) => ({ params: project(at), query: { q: 'segment' } }),
  create: async (at) => ({
    params: project(at),
    body: { name: nameOf(at, 'segment'), rules: [everybody], feature: (await makeFeature(at)).id },
  }),
  get: async (at) => ({ params: await segment(at) }),
  getByUuid: async (at) => ({ params: { uuid: (await makeSegment(at)).uuid } }),
  update: async (at) => ({ params: await segment(at), body: { description: 'Changed' } }),
  replace: async (at) => ({ params: await segment(at), body: { name: nameOf(at, 'segment'), rules: [everybody, everybody] } }),
  async delete(at) {
    const { feature_segment: place } = await makeSegmentOverride(at)
    return { params: { ...project(at), segment: place.segment }, query: { force: 'true' } }
  },
  usage: async (at) => ({ params: { ...project(at), segment: (await makeSegmentOverride(at)).feature_segment.segment } }),
  revisions: async (at) => ({ params: await segment(at), query: { page_size: 5 } }),
  clone: async (at) => ({ params: await segment(at), body: { name: nameOf(at, 'segment') } }),
  async associatedFeatures(at) {
    const { feature_segment: place } = await makeSegmentOverride(at)
    return { params: { ...project(at), segment: place.segment }, query: { environment: at.environment.id } }
  },
}

const place = async (at: Fixture) => ({ feature_segment: (await makePlace(at)).id })

export const featureSegments: ExamplesOf<typeof api.featureSegments> = {
  list: async (at) => ({ query: { environment: at.environment.id, feature: (await makePlace(at)).feature } }),
  async create(at) {
    const [forFeature, forSegment] = [await makeFeature(at), await makeSegment(at)]
    return { body: { environment: at.environment.id, feature: forFeature.id, segment: forSegment.id, priority: 0 } }
  },
  get: async (at) => ({ params: await place(at) }),
  getByUuid: async (at) => ({ params: { uuid: (await makePlace(at)).uuid } }),
  delete: async (at) => ({ params: await place(at) }),
  async updatePriorities(at) {
    const overridden = await makeFeature(at)
    const [first, second] = [await makePlace(at, overridden), await makePlace(at, overridden)]
    const body = [
      { id: first.id, priority: 1 },
      { id: second.id, priority: 0 },
    ]
    return { body }
  },
  async createOverride(at) {
    const [forFeature, forSegment] = [await makeFeature(at), await makeSegment(at)]
    const value = { type: 'bool', boolean_value: true } as const
    const body = { feature_segment: { segment: forSegment.id, priority: 0 }, enabled: true, feature_state_value: value }
    return { params: { ...environment(at), feature: forFeature.id }, body }
  },
}

export const segmentMembers: ExamplesOf<typeof api.segmentMembers> = {
  list: async (at) => ({ params: await segment(at), query: { environment: at.environment.id, limit: 5, exact: 'true' } }),
  preview: async (at) => ({ params: environment(at), body: { rules: [everybody], exact: true } }),
}
