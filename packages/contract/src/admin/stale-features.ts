import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { plainValue } from '../feature-value.ts'
import { page, pageQuery } from '../page.ts'

const place = z.object({
  id: z.int(),
  name: z.string(),
  api_key: z.string(),
  enabled: z.boolean(),
  feature_state_value: plainValue,
  unchanged_since: z.iso.datetime(),
  same_for_everyone: z.boolean().describe('No override and no weighted variant: every identity gets this.'),
  evaluations_reported: z.boolean().describe('Whether SDKs reported evaluations of any feature here within the limit.'),
  last_evaluated_at: z.iso.datetime().nullable(),
})

const staleFeature = z.object({
  feature: z.object({ id: z.int(), name: z.string() }),
  unchanged_since: z.iso.datetime(),
  verdict: z
    .enum(['remove', 'inline', 'watch'])
    .describe('`remove`: nobody evaluates it. `inline`: it is the same for everyone everywhere. `watch`: unchanged, but in use.'),
  evidence: z.array(z.string()).describe('The reasons, a sentence each.'),
  environments: z.array(place).describe('Those that the caller may view.'),
})

export const staleFeatures = resource({
  list: {
    method: 'GET',
    path: '/api/v1/projects/:project/stale-features/',
    summary: 'Features that nobody has changed for as long as the project’s limit, the longest unchanged first, with the evidence.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'VIEW_PROJECT',
    query: pageQuery(100),
    reply: page(staleFeature),
  },
})
