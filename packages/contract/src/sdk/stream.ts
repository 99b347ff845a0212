import * as z from 'zod'

export const streamParams = z.object({
  environment_key: z.string().describe('The client-side key, also for servers: streams have no authentication.'),
})
