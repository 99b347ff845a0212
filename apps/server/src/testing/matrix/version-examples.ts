import { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import { makeEnvironment, type Fixture } from './fixture.ts'
import { makeDraft, makeFeature, makeSegment, makeVersioned } from './makers.ts'

const text = { type: 'unicode', string_value: 'red' } as const
const later = '2999-01-01T00:00:00Z'

const of = async (at: Fixture) => ({ params: (await makeDraft(at)).of })

async function ofState(at: Fixture, which: 'default' | 'override') {
  const draft = await makeDraft(at)
  const state = draft.states.find(({ feature_segment: place }) => (place === null) === (which === 'default'))
  if (!state) throw new Error('The draft has no such state.')
  return { ...draft.of, feature_state: state.id }
}

async function flag(at: Fixture) {
  const [feature, segment] = [await makeFeature(at), await makeSegment(at)]
  return { segment, params: { environment: at.environment.id, feature: feature.id } }
}

export const featureVersions: ExamplesOf<typeof api.featureVersions> = {
  list: async (at) => ({ params: (await makeDraft(at)).params, query: { is_live: 'false' } }),
  async create(at) {
    const { params, segment } = await flag(at)
    const gone = await makeSegment(at)
    const body = {
      feature_states_to_update: [{ feature_segment: null, enabled: true, feature_state_value: text }],
      feature_states_to_create: [{ feature_segment: { segment: segment.id, priority: 0 }, enabled: true, feature_state_value: text }],
      segment_ids_to_delete_overrides: [gone.id],
      publish_immediately: true,
      description: 'Launch',
    }
    return { params, body }
  },
  get: of,
  getByUuid: async (at) => ({ params: { uuid: (await makeDraft(at)).of.uuid } }),
  update: async (at) => ({ ...(await of(at)), body: { description: 'Changed', live_from: later } }),
  delete: of,
  publish: async (at) => ({ ...(await of(at)), body: { ignore_conflicts: true } }),
  async restore(at) {
    const { params, environment } = await makeDraft(at)
    const versions = at.server.as(at.authorization, api.featureVersions)
    const { results } = await versions.list({ params, query: { is_live: 'true' } })
    const [version] = results
    if (!version) throw new Error(`The feature has no version in environment ${environment.id}.`)
    return { params: { ...params, uuid: version.uuid }, body: { description: 'Back' } }
  },
  async diff(at) {
    const { of: params } = await makeDraft(at)
    return { params, query: { against: params.uuid } }
  },
}

export const versionStates: ExamplesOf<typeof api.versionStates> = {
  list: of,
  async create(at) {
    const { of: params } = await makeDraft(at)
    return { params, body: { feature_segment: { segment: (await makeSegment(at)).id, priority: 0 }, enabled: true } }
  },
  update: async (at) => ({ params: await ofState(at, 'default'), body: { feature_state_value: text } }),
  replace: async (at) => ({ params: await ofState(at, 'override'), body: { enabled: false } }),
  delete: async (at) => ({ params: await ofState(at, 'override') }),
}

export const scheduledChanges: ExamplesOf<typeof api.scheduledChanges> = {
  list: async (at) => ({ params: { environment_key: at.environment.api_key }, query: { feature: (await makeFeature(at)).id } }),
  async create(at) {
    const { params, segment } = await flag(at)
    const overrides = [{ feature_segment: { segment: segment.id }, enabled: true }]
    return { params, body: { live_from: later, environment_default: { enabled: true }, segment_overrides: overrides } }
  },
}

export const versioning: ExamplesOf<typeof api.versioning> = {
  enable: async (at) => ({ params: { environment_key: (await makeEnvironment(at)).api_key } }),
  disable: async (at) => ({ params: { environment_key: (await makeVersioned(at)).environment.api_key } }),
}
