import { notFound, type SdkEndpointName, sdkEndpoints } from '@halyard/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { analyticsRoutes } from './analytics.ts'
import { environmentDocumentRoutes } from './environment-document.ts'
import { eventsRoutes } from './events.ts'
import { flagsRoutes } from './flags.ts'
import { identitiesRoutes } from './identities.ts'
import { parseJsonBody } from './json-body.ts'
import { type Handler, mount } from './mount.ts'
import { ofrepRoutes } from './ofrep/routes.ts'
import type { EnvironmentSnapshot, SdkApiPorts } from './ports.ts'
import { answerFailure, unsupportedMediaType } from './problems.ts'
import { repliesAlwaysCarry } from './reply-headers.ts'
import { streamRoutes } from './stream.ts'
import { createStreams } from './streams.ts'
import { traitsRoutes } from './traits.ts'

export interface SdkApi {
  /** Every endpoint that SDKs call, at absolute paths. */
  readonly plugin: (app: FastifyInstance) => Promise<void>
  /** Tells who listens to an environment that it changed. Called once the snapshot is what `findEnvironment` answers. */
  readonly publish: (snapshot: EnvironmentSnapshot) => void
  /** Ends the streams of an environment that is gone. */
  readonly end: (environmentId: number) => void
  /** Ends streams, so that a server can stop. */
  readonly close: () => Promise<void>
}

const bodyBytesMax = 1024 * 1024
// Nobody else serves anything below these.
const prefixes = ['/sse', '/ofrep']

export function createSdkApi(ports: SdkApiPorts): SdkApi {
  const streams = createStreams()
  const handlers: Record<SdkEndpointName, Handler> = {
    ...flagsRoutes(ports),
    ...identitiesRoutes(ports),
    ...traitsRoutes(ports),
    ...environmentDocumentRoutes(ports),
    ...analyticsRoutes(ports),
    ...eventsRoutes(ports),
    ...streamRoutes(ports, streams),
    ...ofrepRoutes(ports, streams),
  }
  return {
    async plugin(app) {
      const always = repliesAlwaysCarry(ports.version)
      app.addHook('onRequest', (_, reply, done) => {
        reply.headers(always)
        done()
      })
      app.addHook('preClose', async () => streams.close())
      app.setErrorHandler(answerFailure)
      readJsonBodies(app)
      mount(app, sdkEndpoints, handlers)
      for (const prefix of prefixes) await app.register(async (below) => answerNotFound(below), { prefix })
    },
    publish: (snapshot) => streams.publish(snapshot),
    end: (environmentId) => streams.end(environmentId),
    close: async () => streams.close(),
  }
}

function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: bodyBytesMax }, async (_: FastifyRequest, bytes: Buffer) =>
    parseJsonBody(bytes),
  )
  // Who does not say what it sends means JSON: there is nothing else.
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: bodyBytesMax }, async (request: FastifyRequest, bytes: Buffer) => {
    const contentType = request.headers['content-type']
    if (contentType !== undefined && bytes.length > 0) throw unsupportedMediaType(contentType)
    return parseJsonBody(bytes)
  })
}

function answerNotFound(below: FastifyInstance): void {
  below.setNotFoundHandler((request, reply) => answerFailure(notFound(), request, reply))
}
