import { api, invalid, notFound, unknownId, type Reply } from '@halyard/contract'
import type { EnvironmentSnapshot } from '@halyard/sdk-api'
import type { Actor } from '../access/actor.ts'
import { requirePermission } from '../access/authorise.ts'
import type { EnvironmentRow, OrganisationRow, ProjectRow, Queryable, ScopeRows } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { presentState, type FeatureStateRow, type StatePatch } from '../feature-states/rules.ts'
import { implement, type Route } from '../http/implement.ts'
import type { InEdit } from '../http/input.ts'
import { pageOf, slice } from '../http/pages.ts'
import { findIdentity, requireIdentity, type IdentityRow } from '../identities/queries.ts'
import { readTraits } from '../identities/rules.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { cloneIdentityOverrides, createIdentityOverride, deleteIdentityOverride, updateIdentityOverride } from './commands.ts'
import { listIdentityOverrides, requireIdentityOverride } from './queries.ts'
import { evaluateFor, segmentsOf } from './rules.ts'

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
    async listSegments({ environment, params }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const snapshot = await cache.find(environment.id)
      if (!snapshot) throw notFound()
      return segmentsOf(snapshot, identity.identifier, readTraits(identity.traits))
    },
    async create({ actor, organisation, environment, project, params, body, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const owner = { project, environment, identifier: identity.identifier }
      const created = await inEdit(async (edit) => {
        await requireUpdating(edit, actor, { organisation, project, environment }, body.feature)
        return createIdentityOverride(edit, owner, body)
      })
      return present(identity, created)
    },
    async cloneFrom({ actor, organisation, environment, project, params, body, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const source = await findIdentity(identities, environment, body.source_identity_id)
      if (!source) throw invalid({ source_identity_id: [unknownId(body.source_identity_id)] })
      await inEdit(async (edit) => {
        const overrides = await Promise.all([identity, source].map((each) => listIdentityOverrides(edit.tx, environment, each)))
        for (const feature of new Set(overrides.flat().map((override) => override.feature_id)))
          await requireUpdating(edit, actor, { organisation, project, environment }, feature)
        await cloneIdentityOverrides(edit, { project, environment, identifier: identity.identifier }, source)
      })
      return evaluateAll(cache, environment, identity)
    },
    async get({ db, environment, params }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      return present(identity, await requireIdentityOverride(db, environment, identity, params.feature_state))
    },
    update: async (input) => update(identities, input),
    replace: async (input) => update(identities, input),
    async delete({ actor, organisation, environment, project, params, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      await inEdit(async (edit) => {
        const override = await requireIdentityOverride(edit.tx, environment, identity, params.feature_state)
        await requireUpdating(edit, actor, { organisation, project, environment }, override.feature_id)
        await deleteIdentityOverride(edit, { project, environment, identifier: identity.identifier }, override.id)
      })
      return undefined
    },
  })

interface Write {
  readonly actor: Actor
  readonly organisation: OrganisationRow
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
  readonly params: { readonly identity: number; readonly feature_state: number }
  readonly body: StatePatch
  readonly inEdit: InEdit
}

async function update(identities: Queryable, { actor, organisation, project, environment, params, body, inEdit }: Write) {
  const identity = await requireIdentity(identities, environment, params.identity)
  const owner = { project, environment, identifier: identity.identifier }
  const updated = await inEdit(async (edit) => {
    const override = await requireIdentityOverride(edit.tx, environment, identity, params.feature_state)
    await requireUpdating(edit, actor, { organisation, project, environment }, override.feature_id)
    return updateIdentityOverride(edit, owner, override.id, body)
  })
  return present(identity, updated)
}

// It may be held for features with certain tags only.
const requireUpdating = ({ tx }: Edit, actor: Actor, rows: ScopeRows, feature: number): Promise<void> =>
  requirePermission(tx, actor, rows, { permission: 'UPDATE_FEATURE_STATE', level: 'environment', feature })

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
