import { api, notFound } from '@halyard/contract'
import type { EnvironmentSnapshot } from '@halyard/sdk-api'
import { implement, type Route } from '../http/implement.ts'
import { findIdentity, requireIdentity } from '../identities/queries.ts'
import type { IdentityStore } from '../identities/remember-identity.ts'
import { readTraits } from '../identities/rules.ts'
import { segmentsOf } from '../identity-overrides/rules.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { eraseIdentity } from './commands.ts'
import { findDeletedIdentity, listChangesOf, listEventsOf, listOverridesOf } from './queries.ts'

interface Parts {
  readonly identityStore: IdentityStore
  /** Environments as SDKs are answered from them. */
  readonly cache: { find(environmentId: number): Promise<EnvironmentSnapshot | undefined> }
}

export const personalDataRoutes = ({ identities: { db: identities }, config }: Runtime, { identityStore, cache }: Parts): Route[] =>
  implement(api.personalData, {
    async export({ db, environment, params }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const snapshot = await cache.find(environment.id)
      if (!snapshot) throw notFound()
      const traits = readTraits(identity.traits)
      return {
        identity: {
          id: identity.id,
          identifier: identity.identifier,
          dashboard_alias: identity.dashboard_alias,
          environment: environment.id,
          created_date: identity.created_at.toISOString(),
        },
        traits: Object.fromEntries(traits),
        overrides: await listOverridesOf(db, environment, identity),
        segments: segmentsOf(snapshot, identity.identifier, traits),
        events: await listEventsOf(db, environment, identity),
        changes: await listChangesOf({ db, secretKeys: config }, environment, identity),
      }
    },
    async erase({ db, environment, project, params, inEdit }) {
      const identity = await findIdentity(identities, environment, params.identity)
      const known = identity ?? (await findDeletedIdentity(db, environment, params.identity))
      if (!known) throw notFound()
      await eraseIdentity({ inEdit, identities }, { project, environment }, known)
      identityStore.forget(environment.id, known.identifier)
      return undefined
    },
  })
