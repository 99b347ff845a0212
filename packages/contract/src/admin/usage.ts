import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { id, instant, oneOf, wholeNumber } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

const range = {
  from: instant.optional().describe('The first instant that counts; UTC without an offset.'),
  to: instant.optional().describe('Up to here; now when absent.'),
  interval: oneOf(['day', 'hour']).default('day').describe('How finely to sum; hours reach over at most 31 days, days over 366.'),
}

const periods = ['current_billing_period', 'previous_billing_period', '90_day_period'] as const

const usageQuery = z.object({
  project_id: id.optional(),
  environment_id: id.optional(),
  period: oneOf(periods)
    .optional()
    .describe('This calendar month, the one before, or 90 days; 30 days when neither this nor `from` is given. Nothing is billed.'),
  client_application_name: z.string().optional(),
  client_application_version: z.string().optional(),
  user_agent: z.string().optional().describe('As SDKs name themselves, such as flagsmith-nodejs-sdk/9.0.0.'),
  ...range,
})

const labels = z.object({
  client_application_name: z.string().nullable(),
  client_application_version: z.string().nullable(),
  user_agent: z.string().nullable(),
})

const usageRow = z.object({
  day: z.iso.date(),
  hour: z.iso.datetime().nullable().describe('When the interval is an hour: its beginning.'),
  flags: z.int(),
  identities: z.int(),
  traits: z.int(),
  environment_document: z.int(),
  labels: labels.nullable().describe('Who asked; null: whoever did not say. Rows that differ in it are apart.'),
})

const evaluationsRow = z.object({ day: z.iso.date(), hour: z.iso.datetime().nullable(), count: z.int() })

const evaluatedFeature = z.object({
  feature: z.object({ id: z.int(), name: z.string() }),
  count: z.int().describe('Evaluations that SDKs reported in the range.'),
  first_evaluated_at: z.iso.datetime().nullable(),
  last_evaluated_at: z.iso.datetime().nullable().describe('To the minute, whatever the range; null: never reported.'),
})

const onboardingStatus = z.object({ first_evaluated_at: z.iso.datetime().nullable(), first_evaluated_sdk_label: z.string().nullable() })

export const usage = resource({
  ofOrganisation: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/usage-data/',
    summary: 'Requests of SDKs over time, by resource and by who asked.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    query: usageQuery,
    reply: z.array(usageRow),
  },
  totalOfOrganisation: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/usage-data/total-count/',
    summary: 'How many requests SDKs made.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    query: usageQuery,
    reply: z.object({ count: z.int() }),
  },
  ofFeature: {
    method: 'GET',
    path: '/api/v1/projects/:project/features/:feature/evaluation-data/',
    summary: 'Evaluations of a feature in an environment over time, as SDKs reported them.',
    scope: { level: 'environment', by: 'id', from: 'query.environment_id' },
    permission: 'VIEW_ENVIRONMENT',
    query: z.object({
      environment_id: id,
      period: z.coerce.number().pipe(wholeNumber(1, 366)).default(30).describe('Days up to now, when `from` is absent.'),
      ...range,
    }),
    reply: z.array(evaluationsRow),
  },
  ofEnvironment: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/evaluations/',
    summary: 'The features of an environment with how often and when last they were evaluated, the most evaluated first.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_ENVIRONMENT',
    query: pageQuery(100).extend({ from: range.from, to: range.to }),
    reply: page(evaluatedFeature),
  },
  onboardingStatus: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/onboarding-status/',
    summary: 'Whether an SDK has asked for flags of the environment yet, and which was the first.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_ENVIRONMENT',
    reply: onboardingStatus,
  },
})
