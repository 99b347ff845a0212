import * as z from 'zod'
import { resource } from '../endpoint.ts'

export const environmentDocument = resource({
  get: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/document/',
    summary: 'The environment document, as SDKs that evaluate locally get it.',
    scope: { level: 'environment', by: 'key', from: 'params.environment_key' },
    permission: 'VIEW_ENVIRONMENT',
    query: z.object({ at: z.iso.datetime({ offset: true }).optional().describe('As it was at this instant.') }),
    reply: z.looseObject({ id: z.int(), api_key: z.string() }),
  },
})
