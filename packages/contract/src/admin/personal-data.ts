import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { plainValue } from '../feature-value.ts'

const environment = { level: 'environment', by: 'key', from: 'params.environment_key' } as const satisfies Scope

export const personalData = resource({
  export: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/identities/:identity/export/',
    summary: 'Everything known about one identity in an environment, as one JSON object.',
    scope: environment,
    permission: 'VIEW_IDENTITIES',
    reply: z.object({
      identity: z.object({
        id: z.int(),
        identifier: z.string(),
        dashboard_alias: z.string().nullable(),
        environment: z.int(),
        created_date: z.iso.datetime(),
      }),
      traits: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      overrides: z.array(
        z.object({ feature: z.object({ id: z.int(), name: z.string() }), enabled: z.boolean(), feature_state_value: plainValue }),
      ),
      segments: z.array(z.object({ id: z.int(), name: z.string() })).describe('Which it is in now.'),
      events: z
        .array(
          z.object({
            event: z.string(),
            feature: z.string().nullable(),
            value: z.unknown(),
            traits: z.unknown(),
            metadata: z.unknown(),
            at: z.iso.datetime(),
          }),
        )
        .describe('What SDKs told of it, newest first; no more than 10 000.'),
      changes: z
        .array(
          z.object({
            id: z.int(),
            at: z.iso.datetime(),
            type: z.string(),
            actor: z.object({ kind: z.enum(['user', 'api_key', 'system']), id: z.int().nullable(), name: z.string() }),
            before: z.unknown(),
            after: z.unknown(),
          }),
        )
        .describe('What was done to it and by whom, newest first; no more than 10 000.'),
    }),
  },
  erase: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/identities/:identity/erase/',
    summary:
      'Erases everything known about an identity, its overrides and their past included; the last of it some seconds later. It cannot be undone. Also of an identity that was deleted before.',
    scope: environment,
    permission: 'MANAGE_IDENTITIES',
    edits: 'own',
    status: 204,
    records: ['identity.erased', 'identity_override.erased'],
  },
})
