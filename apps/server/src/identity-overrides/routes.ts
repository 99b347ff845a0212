import { api, invalid, notFound, unknownId, type Reply } from '@halyard/contract'
import type { EnvironmentSnapshot } from '@halyard/sdk-api'
import type { EnvironmentRow, ProjectRow, Queryable } from '../access/rows.ts'
import { presentState, type FeatureStateRow, type StatePatch } from '../feature-states/rules.ts'
import { implement, type Route } from '../http/implement.ts'
import type { InEdit } from '../http/input.ts'
import { pageOf, slice } from '../http/pages.ts'
import { findIdentity, requireIdentity, type IdentityRow } from '../identities/queries.ts'
import { readTraits } from '../identities/rules.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { cloneIdentityOverrides, createIdentityOverride, deleteIdentityOverride, updateIdentityOverride } from './commands.ts'
import { listIdentityOverrides, requireIdentityOverride } from './queries.ts'
import { evaluateFor } from './rules.ts'

/** Environments as SDKs are answered from them. */
interface Snapshots {
  find(environmentId: number): Promise<EnvironmentSnapshot | undefined>
}

/** Identities are read before an edit begins, because they are in a store of their own. */
export const identityOverrideRoutes = ({ identities: { db: identities } }: Runtime, { cache }: { cache: Snapshots }): Route[] =>
  implement(api.identityOverrides, {
    async list({ db, environment, params, query, url }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const overrides = await listIdentityOverrides(db, environment, identity)
      const { offset, limit } = slice(query)
      const results = overrides.slice(offset, offset + limit).map((override) => present(identity, override))
      return pageOf(url, query, { count: overrides.length, results })
    },
    async listAll({ environment, params }) {
      return evaluateAll(cache, environment, await requireIdentity(identities, environment, params.identity))
    },
    async create({ environment, project, params, body, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const owner = { project, environment, identifier: identity.identifier }
      return present(identity, await inEdit((edit) => createIdentityOverride(edit, owner, body)))
    },
    async cloneFrom({ environment, project, params, body, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const source = await findIdentity(identities, environment, body.source_identity_id)
      if (!source) throw invalid({ source_identity_id: [unknownId(body.source_identity_id)] })
      await inEdit((edit) => cloneIdentityOverrides(edit, { project, environment, identifier: identity.identifier }, source))
      return evaluateAll(cache, environment, identity)
    },
    async get({ db, environment, params }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      return present(identity, await requireIdentityOverride(db, environment, identity, params.feature_state))
    },
    update: async (input) => update(identities, input),
    replace: async (input) => update(identities, input),
    async delete({ environment, project, params, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      await inEdit((edit) => deleteIdentityOverride(edit, { project, environment, identifier: identity.identifier }, params.feature_state))
      return undefined
    },
  })

interface Write {
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
  readonly params: { readonly identity: number; readonly feature_state: number }
  readonly body: StatePatch
  readonly inEdit: InEdit
}

async function update(identities: Queryable, { project, environment, params, body, inEdit }: Write) {
  const identity = await requireIdentity(identities, environment, params.identity)
  const owner = { project, environment, identifier: identity.identifier }
  return present(identity, await inEdit((edit) => updateIdentityOverride(edit, owner, params.feature_state, body)))
}

async function evaluateAll(cache: Snapshots, environment: EnvironmentRow, identity: IdentityRow) {
  const snapshot = await cache.find(environment.id)
  if (!snapshot) throw notFound()
  return evaluateFor(snapshot, identity.identifier, readTraits(identity.traits))
}

const present = (identity: IdentityRow, override: FeatureStateRow): Reply<typeof api.identityOverrides.get> => ({
  ...presentState(override),
  feature_state_value: override.value,
  identity: { id: identity.id, identifier: identity.identifier },
  feature_segment: null,
})
