import { api } from '@halyard/contract'
import type { EnvironmentRow, ProjectRow, Queryable } from './access/rows.ts'
import type { Edit } from './changes/edit.ts'
import { createEnvironmentApiKey } from './environment-api-keys/commands.ts'
import { createEnvironment } from './environments/commands.ts'
import { createSegmentOverride } from './feature-segments/commands.ts'
import { updateFeatureState } from './feature-states/change-flag.ts'
import { getFeatureState } from './feature-states/queries.ts'
import { createFeature } from './features/commands.ts'
import { createIdentityStore } from './identities/remember-identity.ts'
import { createOrganisation } from './organisations/commands.ts'
import { createProject } from './projects/commands.ts'
import type { Runtime } from './runtime/runtime.ts'
import { createSegment } from './segments/commands.ts'

export interface Demo {
  readonly environmentId: number
  readonly clientKey: string
  readonly serverKey: string
}

const newCheckout = { name: 'new_checkout', description: 'The checkout that fits on one page.', default_enabled: false }
const otherFeatures = [
  {
    name: 'banner_text',
    description: 'What the banner on the front page says.',
    initial_value: 'Free delivery this week',
    default_enabled: true,
  },
  { name: 'items_per_page', description: 'How many products a list shows.', initial_value: '24', default_enabled: true },
  {
    name: 'checkout_button',
    description: 'Which words sell: most people see the control.',
    initial_value: 'Buy now',
    default_enabled: true,
    multivariate_options: [
      { type: 'unicode', key: 'friendly', string_value: 'Take it home', default_percentage_allocation: 25 },
      { type: 'unicode', key: 'short', string_value: 'Buy', default_percentage_allocation: 25 },
    ],
  },
]

const segments = [
  {
    name: 'Beta testers',
    rules: [{ type: 'ALL', rules: [{ type: 'ANY', conditions: [{ property: 'plan', operator: 'EQUAL', value: 'beta' }] }] }],
  },
  {
    name: 'Big spenders',
    rules: [
      { type: 'ALL', rules: [{ type: 'ANY', conditions: [{ property: 'spent', operator: 'GREATER_THAN_INCLUSIVE', value: '1000' }] }] },
    ],
  },
]

const identities: Record<string, Record<string, string | number | boolean>> = {
  ada: { plan: 'beta', spent: 1250, country: 'GB' },
  grace: { plan: 'free', spent: 80, country: 'US' },
  linus: { plan: 'beta', spent: 0, country: 'FI' },
}

/** The demo as it was made, for telling people about it; undefined when there is none, or what is shown of it is gone. */
export async function findDemo(db: Queryable): Promise<Demo | undefined> {
  const made = await db
    .selectFrom('changes')
    .innerJoin('projects', 'projects.organisation_id', 'changes.organisation_id')
    .innerJoin('environments', 'environments.project_id', 'projects.id')
    .innerJoin('environment_api_keys', 'environment_api_keys.environment_id', 'environments.id')
    .select(['environments.id', 'environments.api_key', 'environment_api_keys.key'])
    .where('changes.type', '=', 'organisation.created')
    .where('changes.actor_kind', '=', 'system')
    .where('environments.deleted_at', 'is', null)
    .orderBy('environment_api_keys.id')
    .limit(1)
    .executeTakeFirst()
  return made && { environmentId: made.id, clientKey: made.api_key, serverKey: made.key }
}

/** Part of an edit that fills an empty installation with something to look at. */
export async function createDemo(edit: Edit): Promise<Demo> {
  const organisation = await createOrganisation(edit, undefined, 'Demo')
  const project = await createProject(edit, organisation, { name: 'Shop' })
  const development = await createEnvironment(edit, project, { name: 'Development' })
  const production = await createEnvironment(edit, project, { name: 'Production' })
  const checkout = await createFeature(edit, project, api.features.create.body.parse(newCheckout))
  for (const feature of otherFeatures) await createFeature(edit, project, api.features.create.body.parse(feature))
  await turnOn(edit, { project, environment: development }, checkout.id)
  await openBeta(edit, { project, environment: production }, checkout.id)
  const serverKey = await createEnvironmentApiKey(edit, production, { name: 'Back end', active: true, expires_at: null })
  return { environmentId: production.id, clientKey: production.api_key, serverKey: serverKey.key }
}

interface Scope {
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
}

async function turnOn(edit: Edit, scope: Scope, featureId: number): Promise<void> {
  const { id } = await edit.tx
    .selectFrom('feature_states')
    .select('id')
    .where('environment_id', '=', scope.environment.id)
    .where('feature_id', '=', featureId)
    .executeTakeFirstOrThrow()
  await updateFeatureState(edit, scope, await getFeatureState(edit.tx, scope.environment, { id }), { enabled: true })
}

async function openBeta(edit: Edit, scope: Scope, featureId: number): Promise<void> {
  for (const written of segments) {
    const segment = await createSegment(edit, scope.project, api.segments.create.body.parse(written))
    if (segment.name === 'Beta testers')
      await createSegmentOverride(edit, scope, { feature: featureId, segment: segment.id, priority: undefined, content: { enabled: true } })
  }
}

export async function rememberDemoIdentities(runtime: Runtime, environmentId: number): Promise<void> {
  const store = createIdentityStore(runtime.identities, runtime)
  await Promise.all(
    Object.entries(identities).map(([identifier, traits]) =>
      store.rememberIdentity({ environmentId }, { identifier, mode: 'persist', traits: new Map(Object.entries(traits)) }),
    ),
  )
  await store.close()
}
