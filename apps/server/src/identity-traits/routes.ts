import { api, notFound, type Reply } from '@halyard/contract'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import type { IdentityMeans, Place } from '../identities/commands.ts'
import { requireIdentity, type IdentityRow } from '../identities/queries.ts'
import type { IdentityStore } from '../identities/remember-identity.ts'
import { readTraits, type StoredTraits } from '../identities/rules.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createTrait, deleteTrait, deleteTraitOfAll, updateTrait, type Trait } from './commands.ts'
import { listTraitKeys } from './queries.ts'
import { numberTraits, presentValue } from './rules.ts'

export const identityTraitRoutes = ({ identities: { db: identities }, now }: Runtime, store: IdentityStore): Route[] =>
  implement(api.identityTraits, {
    async list({ environment, params, query, url }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const traits = numberTraits(readTraits(identity.traits))
      const { offset, limit } = slice(query)
      return pageOf(url, query, {
        count: traits.length,
        results: traits.slice(offset, offset + limit).map((trait) => present(identity, trait)),
      })
    },
    async create({ environment, project, params, body, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const traits = await createTrait({ inEdit, identities, at: now() }, { project, environment }, identity, body)
      store.forget(environment.id, identity.identifier)
      return presentFrom(identity, traits, body.key)
    },
    async get({ environment, params }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      return present(identity, requireTrait(identity, params.trait))
    },
    update: async (input) => change({ ...input, identities, store, at: now() }),
    replace: async (input) => change({ ...input, identities, store, at: now() }),
    async delete({ environment, project, params, query, inEdit }) {
      const identity = await requireIdentity(identities, environment, params.identity)
      const trait = requireTrait(identity, params.trait)
      await deleteTrait({ inEdit, identities, at: now() }, { project, environment }, identity, trait)
      store.forget(environment.id, identity.identifier)
      if (query.deleteAllMatchingTraits) await inEdit((edit) => deleteTraitOfAll(edit, { project, environment }, trait.key))
      return undefined
    },
    listKeys: async ({ environment }) => ({ keys: await listTraitKeys(identities, environment) }),
    deleteKey: ({ edit, project, environment, body }) => deleteTraitOfAll(edit, { project, environment }, body.key),
  })

interface Change extends IdentityMeans, Place {
  readonly store: IdentityStore
  readonly params: { readonly identity: number; readonly trait: number }
  readonly body: { readonly value: Trait['value'] | undefined }
}

async function change({ store, params, body, environment, project, inEdit, identities, at }: Change) {
  const identity = await requireIdentity(identities, environment, params.identity)
  const before = requireTrait(identity, params.trait)
  if (body.value === undefined) return present(identity, before)
  const traits = await updateTrait({ inEdit, identities, at }, { project, environment }, identity, { before, value: body.value })
  store.forget(environment.id, identity.identifier)
  return presentFrom(identity, traits, before.key)
}

type NumberedTrait = Trait & { readonly id: number }

function requireTrait(identity: IdentityRow, id: number): NumberedTrait {
  const trait = numberTraits(readTraits(identity.traits)).find((numbered) => numbered.id === id)
  if (!trait) throw notFound()
  return trait
}

function presentFrom(identity: IdentityRow, traits: StoredTraits, key: string) {
  const trait = numberTraits(traits).find((numbered) => numbered.key === key)
  if (!trait) throw notFound()
  return present(identity, trait)
}

const present = (identity: IdentityRow, { id, key, value }: NumberedTrait): Reply<typeof api.identityTraits.get> => ({
  id,
  trait_key: key,
  ...presentValue(value),
  created_date: identity.created_at.toISOString(),
})
