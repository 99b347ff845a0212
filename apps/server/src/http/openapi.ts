import { api, openApi, sdkEndpoints } from '@halyard/contract'
import type { FastifyInstance } from 'fastify'

/** The API's description, made once from the contract that the routes are made from. */
export function serveOpenApi(server: FastifyInstance, version: string): void {
  const document = Buffer.from(JSON.stringify(openApi({ admin: api, sdk: sdkEndpoints }, version)))
  server.get('/api/v1/openapi.json', (_request, reply) => reply.type('application/json; charset=utf-8').send(document))
}
