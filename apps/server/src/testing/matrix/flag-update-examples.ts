import type { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import type { Fixture } from './fixture.ts'
import { makeFeature, makeSegment, makeSegmentOverride, makeVariant } from './makers.ts'

const value = { type: 'integer', value: '42' } as const

const inEnvironment = ({ environment }: Fixture) => ({ environment_key: environment.api_key })

async function findOverride(at: Fixture) {
  const { feature, feature_segment: place } = await makeSegmentOverride(at)
  return { feature, segment: place.segment }
}

export const flagUpdates: ExamplesOf<typeof api.flagUpdates> = {
  async updateOne(at) {
    const [feature, segment] = [await makeFeature(at), await makeSegment(at)]
    const body = { feature: { id: feature.id }, segment: { id: segment.id, priority: 0 }, enabled: true, value }
    return { params: inEnvironment(at), body }
  },
  async updateSeveral(at) {
    const [variant, segment] = [await makeVariant(at), await makeSegment(at)]
    const weights = [{ multivariate_feature_option: variant.id, percentage_allocation: 30 }]
    const override = { segment_id: segment.id, priority: 0, enabled: true, value, multivariate_feature_state_values: weights }
    const body = { feature: { id: variant.feature }, environment_default: { enabled: true, value }, segment_overrides: [override] }
    return { params: inEnvironment(at), body }
  },
  async deleteOverride(at) {
    const { feature, segment } = await findOverride(at)
    return { params: inEnvironment(at), body: { feature: { id: feature }, segment: { id: segment } } }
  },
}

async function change(at: Fixture) {
  const { feature, segment } = await findOverride(at)
  const body = {
    environment_default: { enabled: true, value },
    segment_overrides: [{ segment: { id: segment }, priority: 0, enabled: true, value }],
  }
  return { params: { ...inEnvironment(at), feature }, body }
}

export const wholeFlags: ExamplesOf<typeof api.wholeFlags> = {
  get: async (at) => ({ params: (await change(at)).params }),
  update: change,
  replace: change,
  async deleteOverride(at) {
    const { feature, segment } = await findOverride(at)
    return { params: { ...inEnvironment(at), feature, segment } }
  },
}

export const manyFlags: ExamplesOf<typeof api.manyFlags> = {
  async update(at) {
    const [one, other] = [await change(at), await makeFeature(at)]
    const gone = await makeSegment(at)
    const features = [
      { feature: { id: one.params.feature }, ...one.body },
      { feature: { id: other.id }, environment_default: { enabled: true }, remove_segment_overrides: [gone.id] },
    ]
    return { params: inEnvironment(at), body: { features } }
  },
}
