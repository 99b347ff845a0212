import { api, type WrittenRule } from '@halyard/contract'
import { makeEnvironment, nameOf, type Fixture } from './fixture.ts'

// What examples need to be there, made anew each time: what one example deletes or renames, no other one has.

const as = <const Noun extends keyof typeof api>({ server, authorization }: Fixture, noun: Noun) => server.as(authorization, api[noun])

export const everybody: WrittenRule = { type: 'ALL', conditions: [{ operator: 'IS_SET', property: 'plan' }] }

export const makeProject = (at: Fixture) =>
  as(at, 'projects').create({ body: { name: nameOf(at, 'project'), organisation: at.organisation.id } })

export const makeMasterApiKey = (at: Fixture) =>
  as(at, 'masterApiKeys').create({ params: { organisation: at.organisation.id }, body: { name: nameOf(at, 'key') } })

export const makeEnvironmentApiKey = (at: Fixture) =>
  as(at, 'environmentApiKeys').create({ params: { environment_key: at.environment.api_key }, body: { name: nameOf(at, 'key') } })

export const makeGroup = (at: Fixture) =>
  as(at, 'groups').create({ params: { organisation: at.organisation.id }, body: { name: nameOf(at, 'group') } })

export const makeRole = (at: Fixture) =>
  as(at, 'roles').create({ params: { organisation: at.organisation.id }, body: { name: nameOf(at, 'role') } })

export const makeTag = (at: Fixture) => as(at, 'tags').create({ params: { project: at.project.id }, body: { label: nameOf(at, 'tag') } })

export const makeFeature = (at: Fixture) =>
  as(at, 'features').create({ params: { project: at.project.id }, body: { name: nameOf(at, 'feature'), initial_value: 'blue' } })

export async function makeOwnerless(at: Fixture) {
  const feature = await makeFeature(at)
  const params = { project: at.project.id, feature: feature.id }
  return as(at, 'features').removeOwners({ params, body: { user_ids: [at.userId] } })
}

/** With a weight that leaves room for one more. */
export async function makeVariant(at: Fixture) {
  const feature = await makeFeature(at)
  const params = { project: at.project.id, feature: feature.id }
  return as(at, 'variants').create({ params, body: { string_value: 'red', default_percentage_allocation: 20 } })
}

export const makeSegment = (at: Fixture) =>
  as(at, 'segments').create({ params: { project: at.project.id }, body: { name: nameOf(at, 'segment'), rules: [everybody] } })

/** What a feature is by default in the environment. */
export async function findDefault(at: Fixture, feature: { readonly id: number }) {
  const { results } = await as(at, 'featureStates').list({
    params: { environment_key: at.environment.api_key },
    query: { feature: feature.id },
  })
  const [state] = results
  if (!state) throw new Error(`Feature ${feature.id} has no default in environment ${at.environment.id}.`)
  return state
}

export const makeState = async (at: Fixture) => findDefault(at, await makeFeature(at))

/** A place among the overrides of a feature, without a state. */
export async function makePlace(at: Fixture, feature?: { readonly id: number }) {
  const { id } = feature ?? (await makeFeature(at))
  const segment = await makeSegment(at)
  return as(at, 'featureSegments').create({ body: { environment: at.environment.id, feature: id, segment: segment.id } })
}

export async function makeSegmentOverride(at: Fixture) {
  const [feature, segment] = [await makeFeature(at), await makeSegment(at)]
  const params = { environment_key: at.environment.api_key, feature: feature.id }
  return as(at, 'featureSegments').createOverride({ params, body: { feature_segment: { segment: segment.id }, enabled: false } })
}

export const makeIdentity = (at: Fixture) =>
  as(at, 'identities').create({ params: { environment_key: at.environment.api_key }, body: { identifier: nameOf(at, 'identity') } })

export async function makeIdentityOverride(at: Fixture) {
  const [feature, identity] = [await makeFeature(at), await makeIdentity(at)]
  const params = { environment_key: at.environment.api_key, identity: identity.id }
  return as(at, 'identityOverrides').create({ params, body: { feature: feature.id, enabled: false } })
}

export async function makeTrait(at: Fixture) {
  const identity = await makeIdentity(at)
  const params = { environment_key: at.environment.api_key, identity: identity.id }
  const trait = await as(at, 'identityTraits').create({ params, body: { trait_key: nameOf(at, 'trait'), string_value: 'gold' } })
  return { identity, trait }
}

/** The same in an environment of its own, where feature states are changed through versions. */
export async function makeVersioned(at: Fixture): Promise<Fixture> {
  const environment = await makeEnvironment(at)
  await as(at, 'versioning').enable({ params: { environment_key: environment.api_key } })
  return { ...at, environment }
}

/** A draft that changes the default and adds an override. */
export async function makeDraft(at: Fixture) {
  const { environment } = at
  const [feature, segment] = [await makeFeature(at), await makeSegment(at)]
  const params = { environment: environment.id, feature: feature.id }
  const body = {
    feature_states_to_update: [{ feature_segment: null, enabled: true }],
    feature_states_to_create: [{ feature_segment: { segment: segment.id }, enabled: true }],
  }
  const version = await as(at, 'featureVersions').create({ params, body })
  const of = { ...params, uuid: version.uuid }
  const states = await as(at, 'versionStates').list({ params: of })
  return { environment, of, params, segment, states }
}
