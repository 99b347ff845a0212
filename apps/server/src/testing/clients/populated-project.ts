import { api, type BodyInput, type WrittenRule } from '@halyard/contract'
import type { TestProject, TestServer } from '../start-server.ts'

type NewFeature = BodyInput<typeof api.features.create>
type StatePatch = BodyInput<typeof api.featureStates.update>

export type PopulatedProject = Awaited<ReturnType<typeof populateProject>>

/** A project with one of everything that decides flags. */
export async function populateProject(server: TestServer) {
  const project = await server.makeProject()
  const features = await createFeatures(server, project)
  const segments = await createSegments(server, project)
  await overrideForSegments(server, project, { features, segments })
  await overrideForIdentities(server, project, features)
  await rememberAda(server, project)
  return { ...project, features, segments }
}

async function createFeatures(server: TestServer, project: TestProject) {
  const create = (body: NewFeature) => createFeature(server, project, body)
  const checkout = await create({
    name: 'checkout',
    default_enabled: true,
    initial_value: 'classic',
    multivariate_options: [
      { key: 'one_page', string_value: 'one-page', default_percentage_allocation: 30 },
      { key: 'express', string_value: 'express', default_percentage_allocation: 30 },
      { string_value: 'experimental', default_percentage_allocation: 20 },
    ],
  })
  const [onePage, express] = checkout.multivariate_options
  if (!onePage || !express) throw new Error('The variants of the feature “checkout” are missing.')
  return {
    quick_search: (await create({ name: 'quick_search', default_enabled: true })).id,
    night_sale: (await create({ name: 'night_sale' })).id,
    metric_units: (await create({ name: 'metric_units', default_enabled: true, initial_value: true })).id,
    banner: (await create({ name: 'banner', default_enabled: true, initial_value: 'Welcome', description: 'Above everything else' })).id,
    page_size: (await create({ name: 'page_size', default_enabled: true, initial_value: 25 })).id,
    theme: (await create({ name: 'theme', default_enabled: true, initial_value: '{"primary":"#0af","sizes":[1,2]}' })).id,
    retired: (await create({ name: 'retired', initial_value: 'long gone' })).id,
    margins: (await create({ name: 'margins', default_enabled: true, initial_value: '12.5', is_server_key_only: true })).id,
    checkout: checkout.id,
    variants: { onePage: onePage.id, express: express.id },
  }
}

async function createSegments(server: TestServer, project: TestProject) {
  const create = (name: string, rules: WrittenRule[]) => createSegment(server, project, { name, rules })
  const version = '2.0.0:semver'
  return {
    staff: await create('staff', [{ type: 'ALL', conditions: [{ property: 'email', operator: 'REGEX', value: '^[a-z.]+@acme\\.test$' }] }]),
    testers: await create('testers', [
      {
        type: 'ALL',
        rules: [
          { type: 'ANY', conditions: ['pro', 'team'].map((plan) => ({ property: 'plan', operator: 'EQUAL', value: plan })) },
          { type: 'NONE', conditions: [{ property: 'banned', operator: 'EQUAL', value: true }] },
        ],
      },
    ]),
    half: await create('half', [{ type: 'ALL', conditions: [{ property: '', operator: 'PERCENTAGE_SPLIT', value: 50 }] }]),
    modern: await create('modern', [
      { type: 'ALL', conditions: [{ property: 'app_version', operator: 'GREATER_THAN_INCLUSIVE', value: version }] },
    ]),
    nordics: await create('nordics', [{ type: 'ALL', conditions: [{ property: 'country', operator: 'IN', value: 'SE,NO,DK,FI' }] }]),
  }
}

type Features = Awaited<ReturnType<typeof createFeatures>>
type Segments = Awaited<ReturnType<typeof createSegments>>

/** Of the banner the order of creation is not that of strength: staff first, then testers, then the Nordics. */
async function overrideForSegments(
  server: TestServer,
  project: TestProject,
  { features, segments }: { features: Features; segments: Segments },
) {
  const banner = (text: string) => ({ enabled: true, feature_state_value: { string_value: text } })
  await createOverride(server, project, features.banner, { feature_segment: { segment: segments.nordics }, ...banner('Hej') })
  await createOverride(server, project, features.banner, {
    feature_segment: { segment: segments.staff, priority: 0 },
    ...banner('Hello, colleague'),
  })
  await createOverride(server, project, features.banner, {
    feature_segment: { segment: segments.testers, priority: 1 },
    ...banner('Hello, tester'),
  })
  await createOverride(server, project, features.night_sale, { feature_segment: { segment: segments.staff }, enabled: true })
  await createOverride(server, project, features.page_size, {
    feature_segment: { segment: segments.half },
    enabled: true,
    feature_state_value: { integer_value: 50 },
  })
  await createOverride(server, project, features.checkout, {
    feature_segment: { segment: segments.modern },
    enabled: true,
    feature_state_value: { string_value: 'classic, polished' },
    multivariate_feature_state_values: [{ multivariate_feature_option: features.variants.express, percentage_allocation: 100 }],
  })
}

async function overrideForIdentities(server: TestServer, project: TestProject, features: Features) {
  await overrideFor(server, project, 'vip', { feature: features.banner, enabled: true, feature_state_value: 'Welcome back' })
  await overrideFor(server, project, 'vip', { feature: features.quick_search, enabled: false })
  await overrideFor(server, project, 'pinned', {
    feature: features.checkout,
    enabled: true,
    multivariate_feature_state_values: [{ multivariate_feature_option: features.variants.onePage, percentage_allocation: 100 }],
  })
}

async function rememberAda(server: TestServer, project: TestProject) {
  const params = { environment_key: project.environment.api_key }
  const { id: identity } = await server.as(project.authorization, api.identities).create({ params, body: { identifier: 'ada' } })
  const add = (body: BodyInput<typeof api.identityTraits.create>) =>
    server.as(project.authorization, api.identityTraits).create({ params: { ...params, identity }, body })
  await add({ trait_key: 'email', string_value: 'ada@acme.test' })
  await add({ trait_key: 'age', integer_value: 36 })
  await add({ trait_key: 'score', float_value: 1.5 })
  await add({ trait_key: 'is_admin', boolean_value: true })
}

export const createFeature = (server: TestServer, { authorization, project }: TestProject, body: NewFeature) =>
  server.as(authorization, api.features).create({ params: { project: project.id }, body })

export async function createSegment(
  server: TestServer,
  { authorization, project }: TestProject,
  body: { name: string; rules: WrittenRule[] },
) {
  return (await server.as(authorization, api.segments).create({ params: { project: project.id }, body })).id
}

/** Says what a feature is for a segment; answers with the id of its place. */
export async function createOverride(
  server: TestServer,
  { authorization, environment }: TestProject,
  feature: number,
  body: BodyInput<typeof api.featureSegments.createOverride>,
): Promise<number> {
  const params = { environment_key: environment.api_key, feature }
  return (await server.as(authorization, api.featureSegments).createOverride({ params, body })).feature_segment.id
}

/** Says what a feature is for one identity, which is made if it is new; answers with both ids. */
export async function overrideFor(
  server: TestServer,
  { authorization, environment }: TestProject,
  identifier: string,
  body: BodyInput<typeof api.identityOverrides.create>,
): Promise<{ identity: number; id: number }> {
  const params = { environment_key: environment.api_key }
  const identities = server.as(authorization, api.identities)
  const { results } = await identities.list({ params, query: { q: `"${identifier}"` } })
  const { id: identity } = results[0] ?? (await identities.create({ params, body: { identifier } }))
  const { id } = await server.as(authorization, api.identityOverrides).create({ params: { ...params, identity }, body })
  return { identity, id }
}

/** Changes what a feature is in the environment by default. */
export async function changeDefault(
  server: TestServer,
  { authorization, environment }: TestProject,
  feature: number,
  body: StatePatch,
): Promise<void> {
  const states = server.as(authorization, api.featureStates)
  const params = { environment_key: environment.api_key }
  const { results } = await states.list({ params, query: { feature } })
  const [state] = results
  if (!state) throw new Error(`Feature ${feature} has no state in ${environment.api_key}.`)
  await states.update({ params: { ...params, feature_state: state.id }, body })
}

/** What is stored of an identity; undefined when it is not known. */
export async function storedTraits(server: TestServer, { environment }: TestProject, identifier: string): Promise<unknown> {
  const identity = await server.runtime.identities.db
    .selectFrom('identities')
    .select('traits')
    .where('environment_id', '=', environment.id)
    .where('identifier', '=', identifier)
    .executeTakeFirst()
  return identity?.traits
}
