import { api, openApi, sdkEndpoints } from '@halyard/contract'
import type { FastifyInstance } from 'fastify'

/** The API's description, from the contract that the routes are made from; made when it is first asked for. */
export function serveOpenApi(server: FastifyInstance, version: string): void {
  let document: Buffer | undefined
  server.get('/api/v1/openapi.json', (_request, reply) => {
    document ??= Buffer.from(JSON.stringify(openApi({ admin: api, sdk: sdkEndpoints }, version)))
    return reply.type('application/json; charset=utf-8').send(document)
  })
}
