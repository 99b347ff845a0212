import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import type { EnvironmentCache } from './evaluation/environment-cache.ts'
import type { Runtime } from './runtime/runtime.ts'

/** Health for orchestrators and the version for command-line tools; no authentication, nothing secret. */
export function serveStatus(server: FastifyInstance, runtime: Runtime, cache: EnvironmentCache): void {
  // There is no dashboard yet; what there is to see is the set-up page.
  server.get('/', (_request, reply) => reply.redirect('/setup'))
  server.get('/health/liveness', () => ({ status: 'ok' }))
  for (const path of ['/health', '/health/readiness']) server.get(path, () => readiness(runtime, cache))
  server.get('/version', () => ({
    image_tag: runtime.config.version,
    ci_commit_sha: 'unknown',
    has_email_provider: runtime.config.mail !== undefined,
    is_enterprise: false,
    is_saas: false,
    package_versions: { '.': runtime.config.version },
  }))
}

// Ready is whoever can answer: what is held keeps being served without the database, so losing it must not take the process out.
async function readiness({ control }: Runtime, cache: EnvironmentCache): Promise<object> {
  const database = await sql`select 1`.execute(control.db).then(
    () => 'ok',
    () => 'unreachable',
  )
  return { status: 'ok', database, environments_held: cache.size }
}
