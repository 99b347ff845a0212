import { createHmac } from 'node:crypto'
import type { SdkApiPorts } from '@halyard/sdk-api'
import type { UsageCounter } from '../analytics/count-requests.ts'
import { recordEvents } from '../analytics/record-events.ts'
import type { IdentityStore } from '../identities/remember-identity.ts'
import { databaseUnavailable } from '../http/errors.ts'
import { isDatabaseUnavailable } from '../runtime/database.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { EnvironmentCache } from './environment-cache.ts'

export interface PortParts {
  readonly cache: EnvironmentCache
  readonly identityStore: IdentityStore
  readonly usage: UsageCounter
}

// An environment that is not held cannot be told from one that is not there.
function refuseUnread(error: unknown): never {
  throw isDatabaseUnavailable(error) ? databaseUnavailable() : error
}

/** The server's side of the SDK API: environments from the cache, identities from their store, counts summed in memory. */
export const createPorts = (runtime: Runtime, { cache, identityStore, usage }: PortParts): SdkApiPorts => ({
  findEnvironment(key) {
    const opened = cache.open(key)
    return opened instanceof Promise ? opened.catch(refuseUnread) : opened
  },
  rememberIdentity: (snapshot, sighting) => identityStore.rememberIdentity(snapshot, sighting),
  incrementTrait: (snapshot, identifier, key, by) => identityStore.incrementTrait(snapshot, identifier, key, by),
  countRequest: (snapshot, resource, labels) => usage.countRequest(snapshot, resource, labels),
  countEvaluations: (snapshot, counts, labels) => usage.countEvaluations(snapshot, counts, labels),
  recordEvents: (snapshot, events) => recordEvents(runtime.control, snapshot, { events, at: runtime.now() }),
  // A key of its own for this purpose, so that a token made here is good for nothing else.
  secret: createHmac('sha256', runtime.config.secretKey).update('sdk-api').digest('hex'),
  version: runtime.config.version,
  now: runtime.now,
})
