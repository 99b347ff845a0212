import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import rateLimit from '@fastify/rate-limit'
import { answerOfrepFailure, createSdkApi } from '@halyard/sdk-api'
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify'
import { createUsageCounter } from './analytics/count-requests.ts'
import { personalDataRoutes } from './personal-data/routes.ts'
import { auditRoutes } from './audit/routes.ts'
import { deletionRoutes } from './deletions/routes.ts'
import { environmentApiKeyRoutes } from './environment-api-keys/routes.ts'
import { environmentRoutes } from './environments/routes.ts'
import { EnvironmentCache } from './evaluation/environment-cache.ts'
import { createPorts } from './evaluation/ports.ts'
import { environmentDocumentRoutes, explanationRoutes } from './evaluation/routes.ts'
import { createSavedEnvironments } from './evaluation/saved-environments.ts'
import { featureFileRoutes } from './feature-files/routes.ts'
import { featureSegmentRoutes } from './feature-segments/routes.ts'
import { featureStateRoutes } from './feature-states/routes.ts'
import { featureVersionRoutes } from './feature-versions/routes.ts'
import { flagUpdateRoutes } from './flag-updates/routes.ts'
import { featureRoutes } from './features/routes.ts'
import { answerBrokenRequest } from './http/broken-request.ts'
import { watchConnections } from './http/connections.ts'
import { serveApiBrowser } from './http/api-browser.ts'
import { answerError, answerNotFound } from './http/errors.ts'
import type { Route } from './http/implement.ts'
import { mount } from './http/mount.ts'
import { serveOpenApi } from './http/openapi.ts'
import { readJson } from './http/read-json.ts'
import { grantRoutes } from './grants/routes.ts'
import { groupRoutes } from './groups/routes.ts'
import { identityRoutes } from './identities/routes.ts'
import { createIdentityStore, type IdentityStore } from './identities/remember-identity.ts'
import { identityOverrideRoutes } from './identity-overrides/routes.ts'
import { identityTraitRoutes } from './identity-traits/routes.ts'
import { inviteLinkRoutes, inviteRoutes } from './invites/routes.ts'
import { masterApiKeyRoutes } from './master-api-keys/routes.ts'
import { memberRoutes } from './members/routes.ts'
import { organisationRoutes } from './organisations/routes.ts'
import { permissionRoutes } from './permissions/routes.ts'
import { serveResetPages } from './passwords/reset-pages.ts'
import { passwordRoutes } from './passwords/routes.ts'
import { projectRoutes } from './projects/routes.ts'
import type { Runtime } from './runtime/runtime.ts'
import { secondFactorRoutes } from './second-factors/routes.ts'
import { roleRoutes } from './roles/routes.ts'
import { createMembers, type Members } from './segment-members/find-members.ts'
import { createMembersThread } from './segment-members/members-thread.ts'
import { segmentMemberRoutes } from './segment-members/routes.ts'
import { segmentRoutes } from './segments/routes.ts'
import { serveStatus } from './status.ts'
import { staleFeatureRoutes } from './stale-features/routes.ts'
import { tagRoutes } from './tags/routes.ts'
import { transferRoutes } from './transfers/routes.ts'
import { usageRoutes } from './usage/routes.ts'
import { trustRelationshipRoutes } from './trust-relationships/routes.ts'
import { personalTokenRoutes, sessionRoutes } from './user-tokens/routes.ts'
import { userRoutes } from './users/routes.ts'
import { serveSetupPage } from './users/setup-page.ts'
import { valueSchemaRoutes } from './value-schemas/routes.ts'
import { variantRoutes } from './variants/routes.ts'
import { webhookRoutes } from './webhooks/routes.ts'

export interface App {
  readonly server: FastifyInstance
  /** Serves what earlier processes saved until the database tells more; answers with how many environments that are. */
  holdSaved(): Promise<number>
  /** Ends streams, waits for requests under way, and writes what is still counted in memory. */
  close(): Promise<void>
}

const bodyBytesMax = 1024 * 1024

/** Everything that answers HTTP, not yet listening. */
export async function createApp(runtime: Runtime): Promise<App> {
  const { config, control, identities, log } = runtime
  const server = createServer(runtime)
  const letGo = watchConnections(server.server)
  const saved = createSavedEnvironments(join(config.dataDir, 'environments'), log)
  const cache = new EnvironmentCache(runtime, {
    onAdvance(held) {
      sdkApi.publish(held.snapshot)
      saved.save(held)
    },
    onDrop(environmentId) {
      sdkApi.end(environmentId)
      saved.remove(environmentId)
    },
  })
  const identityStore = createIdentityStore(identities, runtime)
  const membersThread = createMembersThread()
  const members = createMembers(runtime, membersThread)
  const usage = createUsageCounter(control, runtime)
  const sdkApi = createSdkApi(createPorts(runtime, { cache, identityStore, usage }))
  await server.register(rateLimit, { global: false })
  await server.register(sdkApi.plugin)
  mount(server, runtime, everyRoute(runtime, { cache, identityStore, members }), (raised) => refreshQuietly(runtime, cache, raised))
  serveOpenApi(server, runtime.config.version)
  await serveApiBrowser(server)
  serveStatus(server, runtime, cache)
  serveSetupPage(server, runtime)
  serveResetPages(server)
  cache.start()
  return {
    server,
    holdSaved: async () => {
      for (const held of await saved.load()) cache.hold(held)
      return cache.size
    },
    async close() {
      await sdkApi.close()
      const closed = server.close()
      letGo()
      await closed
      await cache.close()
      await saved.close()
      await membersThread.close()
      await identityStore.close()
      await usage.close()
    },
  }
}

function createServer({ config, log }: Runtime): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log
  const server = fastify({
    bodyLimit: bodyBytesMax,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) =>
      (request.url.startsWith('/ofrep/') ? answerOfrepFailure : answerError)(error, request, reply),
    genReqId: () => randomUUID(),
    // Requests are counted, not logged one by one; what fails on our side is logged where it is answered.
    logController: new LogController({ disableRequestLogging: true }),
    loggerInstance,
    requestTimeout: 30_000,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 8192 },
    trustProxy: config.trustProxy > 0 && ((_address, hop) => hop < config.trustProxy),
  })
  server.server.headersTimeout = 10_000
  server.removeAllContentTypeParsers()
  // Clients that always send the header send it without a body too.
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_: FastifyRequest, body: Buffer) =>
    body.length === 0 ? undefined : readJson(body),
  )
  server.setErrorHandler(answerError)
  server.setNotFoundHandler(answerNotFound)
  return server
}

interface RouteParts {
  readonly cache: EnvironmentCache
  readonly identityStore: IdentityStore
  readonly members: Members
}

/** The routes of every noun, in the order of the contract. */
export function everyRoute(runtime: Runtime, parts: RouteParts): Route[] {
  return [
    ...userRoutes(runtime),
    ...passwordRoutes(runtime),
    ...secondFactorRoutes(runtime),
    ...sessionRoutes(runtime),
    ...personalTokenRoutes(runtime),
    ...organisationRoutes(),
    ...memberRoutes(),
    ...inviteRoutes(runtime),
    ...inviteLinkRoutes(runtime),
    ...masterApiKeyRoutes(),
    ...trustRelationshipRoutes(runtime),
    ...permissionRoutes(),
    ...grantRoutes(),
    ...groupRoutes(),
    ...roleRoutes(),
    ...projectRoutes(),
    ...environmentRoutes(runtime),
    ...environmentApiKeyRoutes(),
    ...environmentDocumentRoutes(),
    ...tagRoutes(),
    ...featureRoutes(),
    ...variantRoutes(),
    ...valueSchemaRoutes(),
    ...featureStateRoutes(),
    ...segmentRoutes(),
    ...featureSegmentRoutes(),
    ...featureVersionRoutes(),
    ...flagUpdateRoutes(),
    ...identityRoutes(runtime, parts.identityStore),
    ...identityTraitRoutes(runtime, parts.identityStore),
    ...identityOverrideRoutes(runtime, parts),
    ...personalDataRoutes(runtime, parts),
    ...auditRoutes(runtime),
    ...explanationRoutes(runtime, parts),
    ...segmentMemberRoutes(parts),
    ...webhookRoutes(runtime),
    ...usageRoutes(runtime),
    ...staleFeatureRoutes(runtime),
    ...transferRoutes(runtime),
    ...featureFileRoutes(),
    ...deletionRoutes(runtime),
  ]
}

// The change is committed whatever happens here: a process that cannot read it now reads it when it compares revisions.
async function refreshQuietly({ log }: Runtime, cache: EnvironmentCache, raised: ReadonlyMap<number, number>): Promise<void> {
  try {
    await cache.refresh(raised)
  } catch (error) {
    log.warn({ err: error }, 'a committed change is not served here yet')
  }
}
