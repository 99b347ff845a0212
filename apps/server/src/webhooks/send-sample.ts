import { invalid, Problem, type api, type Body, type Reply } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import type { Actor } from '../access/actor.ts'
import { authorise } from '../access/authorise.ts'
import type { Queryable } from '../access/rows.ts'
import { OutboundFailure } from '../runtime/outbound.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { pythonInstant, pythonJson } from './python-json.ts'
import { newStandardSecret, signatureHeaders, whyNotSecret } from './rules.ts'

type Sample = Body<typeof api.webhookTests.send>

const places = {
  organisation: { level: 'organisation', by: 'id', from: 'body.scope.id' },
  environment: { level: 'environment', by: 'key', from: 'body.scope.id' },
} as const

/** Sends a sample to an address and tells what was answered. */
export async function sendSample(
  { outbound, config, now }: Runtime,
  db: Queryable,
  actor: Actor,
  sample: Sample,
): Promise<Reply<typeof api.webhookTests.send>> {
  await authorise(db, actor, places[sample.scope.type], { permission: 'ADMIN', value: sample.scope.id })
  const secret = sample.secret === '' && sample.format === 'standard' ? newStandardSecret() : sample.secret
  const wrong = whyNotSecret(secret, sample.format)
  if (wrong) throw invalid({ secret: [wrong] })
  const [at, id] = [now(), randomUUID()]
  const body = bodyOf(sample, at)
  const headers = {
    'content-type': 'application/json',
    'user-agent': `Halyard/${config.version}`,
    ...signatureHeaders({ format: sample.format, secrets: secret === '' ? [] : [secret], id, body, at }),
  }
  const answer = await outbound.send({ method: 'POST', url: sample.webhook_url, headers, body }).catch((error: unknown) => {
    if (!(error instanceof OutboundFailure)) throw error
    throw new Problem('invalid', error.message, { body: { detail: error.message, body: '', status: null } })
  })
  if (answer.status >= 200 && answer.status < 300) return { detail: 'Webhook test successful', status: answer.status }
  const detail = `The receiver answered ${answer.status}.`
  throw new Problem('invalid', detail, { body: { detail, body: answer.text.slice(0, 1024), status: answer.status } })
}

function bodyOf({ format, scope }: Sample, at: Date): string {
  if (format === 'standard') return JSON.stringify({ type: 'webhook.test', timestamp: at.toISOString(), data: { scope } })
  const timestamp = pythonInstant(at)
  if (scope.type === 'organisation') {
    const data = {
      id: 1,
      created_date: timestamp,
      log: 'Created a feature: sample_feature',
      related_object_id: 1,
      related_object_type: 'FEATURE',
    }
    return pythonJson({ data: { ...data, author: null, environment: null, project: null }, event_type: 'AUDIT_LOG_CREATED' })
  }
  return pythonJson({
    data: {
      changed_by: 'sample@example.com',
      timestamp,
      new_state: sampleState(true, timestamp),
      previous_state: sampleState(false, timestamp),
    },
    event_type: 'FLAG_UPDATED',
  })
}

const sampleState = (enabled: boolean, timestamp: string) => ({
  feature: {
    id: 1,
    created_date: timestamp,
    default_enabled: false,
    description: null,
    initial_value: null,
    name: 'sample_feature',
    project: { id: 1, name: 'Sample' },
    type: 'STANDARD',
  },
  environment: { id: 1, name: 'Sample' },
  identity: null,
  identity_identifier: null,
  feature_segment: null,
  enabled,
  feature_state_value: null,
  multivariate_feature_state_values: [],
})
