import { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import { nameOf, type Fixture } from './fixture.ts'
import { startReceiver } from '../receiver.ts'
import { makeFeature, makeTag } from './makers.ts'

const organisation = ({ organisation: { id } }: Fixture) => ({ organisation: id })
const project = ({ project: { id } }: Fixture) => ({ project: id })

/** The id of something that was done in the project. */
async function doneIn(at: Fixture): Promise<number> {
  const tag = await makeTag(at)
  const done = await at.server.control.db
    .selectFrom('changes')
    .select('id')
    .where('type', '=', 'tag.created')
    .where('subject_id', '=', String(tag.id))
    .executeTakeFirstOrThrow()
  return done.id
}

const everyFilter = (at: Fixture) => ({
  project: at.project.id,
  environments: `${at.environment.id},1`,
  is_system_event: 'false' as const,
  author: at.userId,
  api_key: 1,
  type: 'environment.created',
  object: at.environment.id,
  from: '2020-01-01T00:00:00Z',
  to: '2999-01-01T00:00:00Z',
  search: 'environment',
})

export const audit: ExamplesOf<typeof api.audit> = {
  list: async (at) => ({ query: { project: at.project.id, page_size: 5 } }),
  get: async (at) => ({ params: { change: await doneIn(at) } }),
  listOfOrganisation: async (at) => ({ params: organisation(at), query: { environments: String(at.environment.id) } }),
  getOfOrganisation: async (at) => ({ params: { ...organisation(at), change: await doneIn(at) } }),
  exportOfOrganisation: async (at) => ({ params: organisation(at), query: everyFilter(at) }),
  verify: async (at) => ({ params: organisation(at) }),
  listOfProject: async (at) => ({ params: project(at), query: everyFilter(at) }),
  getOfProject: async (at) => ({ params: { ...project(at), change: await doneIn(at) } }),
  exportOfProject: async (at) => ({ params: project(at), query: { format: 'ndjson', type: 'tag' } }),
}

let receiver: ReturnType<typeof startReceiver> | undefined
/** An address that takes whatever is sent there. */
const addressFor = async (at: Fixture) => `${(await (receiver ??= startReceiver())).url}${nameOf(at, 'webhook')}`

const environment = ({ environment: { api_key: key } }: Fixture) => ({ environment_key: key })
type Places = Pick<typeof api, 'environmentWebhooks' | 'organisationWebhooks'>

const webhooks = {
  environment: (at: Fixture) => ({
    params: environment(at),
    calls: at.server.as(at.authorization, api.environmentWebhooks),
  }),
  organisation: (at: Fixture) => ({ params: organisation(at), calls: at.server.as(at.authorization, api.organisationWebhooks) }),
}

// Turned off: what other examples do would be sent to every webhook there is.
const ofEnvironment = async (at: Fixture, enabled = false) => {
  const { params, calls } = webhooks.environment(at)
  const { id } = await calls.create({ params, body: { url: await addressFor(at), enabled, secret: 'a secret' } })
  return { ...params, webhook: id }
}
const ofOrganisation = async (at: Fixture, enabled = false) => {
  const { params, calls } = webhooks.organisation(at)
  const { id } = await calls.create({ params, body: { url: await addressFor(at), enabled, format: 'standard' } })
  return { ...params, webhook: id }
}

async function deliveryOfEnvironment(at: Fixture, enabled = false) {
  const params = await ofEnvironment(at, true)
  await makeFeature(at)
  const { calls } = webhooks.environment(at)
  const [delivery] = (await calls.listDeliveries({ params })).results
  if (!enabled) await calls.update({ params, body: { enabled: false } })
  return { ...params, delivery: delivery?.id ?? 0 }
}

async function deliveryOfOrganisation(at: Fixture, enabled = false) {
  const params = await ofOrganisation(at, true)
  await makeTag(at)
  const { calls } = webhooks.organisation(at)
  const [delivery] = (await calls.listDeliveries({ params })).results
  if (!enabled) await calls.update({ params, body: { enabled: false } })
  return { ...params, delivery: delivery?.id ?? 0 }
}

const disabled = async (at: Fixture) => ({ url: await addressFor(at), enabled: false, secret: 'a secret' })

export const environmentWebhooks: ExamplesOf<Places['environmentWebhooks']> = {
  list: async (at) => ({ params: environment(at) }),
  create: async (at) => ({ params: environment(at), body: { ...(await disabled(at)), format: 'flagsmith' } }),
  get: async (at) => ({ params: await ofEnvironment(at) }),
  update: async (at) => ({ params: await ofEnvironment(at), body: await disabled(at) }),
  replace: async (at) => ({ params: await ofEnvironment(at), body: await disabled(at) }),
  delete: async (at) => ({ params: await ofEnvironment(at) }),
  listDeliveries: async (at) => ({ params: await ofEnvironment(at), query: { state: 'failed', page_size: 5 } }),
  getDelivery: async (at) => ({ params: await deliveryOfEnvironment(at) }),
  replay: async (at) => ({ params: await deliveryOfEnvironment(at, true) }),
}

export const organisationWebhooks: ExamplesOf<Places['organisationWebhooks']> = {
  list: async (at) => ({ params: organisation(at), query: { page_size: 5 } }),
  create: async (at) => ({ params: organisation(at), body: await disabled(at) }),
  get: async (at) => ({ params: await ofOrganisation(at) }),
  update: async (at) => ({ params: await ofOrganisation(at), body: { url: await addressFor(at), enabled: false } }),
  replace: async (at) => ({ params: await ofOrganisation(at), body: { url: await addressFor(at), enabled: false } }),
  delete: async (at) => ({ params: await ofOrganisation(at) }),
  listDeliveries: async (at) => ({ params: await ofOrganisation(at) }),
  getDelivery: async (at) => ({ params: await deliveryOfOrganisation(at) }),
  replay: async (at) => ({ params: await deliveryOfOrganisation(at, true) }),
}

export const webhookTests: ExamplesOf<typeof api.webhookTests> = {
  send: async (at) => ({
    body: { webhook_url: await addressFor(at), secret: 'a secret', scope: { type: 'environment', id: at.environment.api_key } },
  }),
}
