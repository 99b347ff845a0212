import { api, type Body, type Query } from '@halyard/contract'
import type { Queryable } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createWebhook, deleteWebhook, replayDelivery, updateWebhook, type WebhookPatch } from './commands.ts'
import { getDelivery, getWebhook, listDeliveries, listWebhooks, type Owner } from './queries.ts'
import { presentDelivery, presentWebhook } from './rules.ts'
import { sendSample } from './send-sample.ts'

export function webhookRoutes(runtime: Runtime): Route[] {
  const answers = answersOf(runtime)
  return [
    ...implement(api.environmentWebhooks, {
      list: async ({ db, ...owner }) => (await listWebhooks(db, owner)).map((webhook) => presentWebhook(webhook)),
      create: ({ edit, body, ...owner }) => answers.create(edit, owner, body),
      get: ({ db, params, ...owner }) => answers.get(db, owner, params.webhook),
      update: ({ edit, params, body, ...owner }) => answers.update(edit, owner, { ...body, id: params.webhook }),
      replace: ({ edit, params, body, ...owner }) => answers.update(edit, owner, { ...body, id: params.webhook }),
      delete: ({ edit, params, ...owner }) => deleteWebhook(edit, owner, params.webhook),
      listDeliveries: ({ db, params, query, url, ...owner }) => answers.listDeliveries(db, owner, { ...params, query, url }),
      getDelivery: ({ db, params, ...owner }) => answers.getDelivery(db, owner, params),
      replay: async ({ edit, params, ...owner }) => presentDelivery(await replayDelivery(edit, owner, params)),
    }),
    ...implement(api.organisationWebhooks, {
      async list({ db, query, url, ...owner }) {
        const webhooks = await listWebhooks(db, owner)
        const { offset, limit } = slice(query)
        const results = webhooks.slice(offset, offset + limit).map((webhook) => presentWebhook(webhook))
        return pageOf(url, query, { count: webhooks.length, results })
      },
      create: ({ edit, body, ...owner }) => answers.create(edit, owner, body),
      get: ({ db, params, ...owner }) => answers.get(db, owner, params.webhook),
      update: ({ edit, params, body, ...owner }) => answers.update(edit, owner, { ...body, id: params.webhook }),
      replace: ({ edit, params, body, ...owner }) => answers.update(edit, owner, { ...body, id: params.webhook }),
      delete: ({ edit, params, ...owner }) => deleteWebhook(edit, owner, params.webhook),
      listDeliveries: ({ db, params, query, url, ...owner }) => answers.listDeliveries(db, owner, { ...params, query, url }),
      getDelivery: ({ db, params, ...owner }) => answers.getDelivery(db, owner, params),
      replay: async ({ edit, params, ...owner }) => presentDelivery(await replayDelivery(edit, owner, params)),
    }),
    ...implement(api.webhookTests, { send: ({ db, actor, body }) => sendSample(runtime, db, actor, body) }),
  ]
}

interface AskedDeliveries {
  readonly webhook: number
  readonly query: Query<typeof api.environmentWebhooks.listDeliveries>
  readonly url: URL
}

/** What is the same for webhooks of environments and of organisations. */
const answersOf = (runtime: Runtime) => ({
  async create(edit: Edit, owner: Owner, settings: Body<typeof api.environmentWebhooks.create>) {
    const { webhook, secret } = await createWebhook(edit, owner, settings, runtime)
    return presentWebhook(webhook, secret)
  },
  get: async (db: Queryable, owner: Owner, id: number) => presentWebhook(await getWebhook(db, owner, id)),
  async update(edit: Edit, owner: Owner, patch: WebhookPatch & { id: number }) {
    const { webhook, secret } = await updateWebhook(edit, owner, patch, runtime)
    return presentWebhook(webhook, secret)
  },
  async listDeliveries(db: Queryable, owner: Owner, { webhook: id, query, url }: AskedDeliveries) {
    const webhook = await getWebhook(db, owner, id)
    const { rows, count } = await listDeliveries(db, webhook, { state: query.state, range: slice(query) })
    return pageOf(url, query, { count, results: rows.map(presentDelivery) })
  },
  async getDelivery(db: Queryable, owner: Owner, ids: { webhook: number; delivery: number }) {
    const delivery = await getDelivery(db, await getWebhook(db, owner, ids.webhook), ids.delivery)
    return { ...presentDelivery(delivery), request: delivery.body, response: delivery.response }
  },
})
