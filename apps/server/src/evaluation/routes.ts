import { api, invalid, notFound, type Reply } from '@halyard/contract'
import { compile, type TraitValue } from '@halyard/engine'
import { presentDocument, subjectNamed } from '@halyard/sdk-api'
import { implement, type Route } from '../http/implement.ts'
import { findIdentityNamed } from '../identities/queries.ts'
import { identityKey, readTraits, withTraits } from '../identities/rules.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { buildDocument } from './build-document.ts'
import type { EnvironmentCache } from './environment-cache.ts'

export const environmentDocumentRoutes = (): Route[] =>
  implement(api.environmentDocument, {
    async get({ db, environment, query }) {
      const document = await buildDocument(db, environment.id, query.at === undefined ? undefined : new Date(query.at))
      if (!document) throw notFound(`${environment.name} did not exist at that instant.`)
      return presentDocument(compile(document))
    },
  })

/** By the snapshot that SDKs are answered from. */
export const explanationRoutes = ({ identities: { db: identities } }: Runtime, { cache }: { cache: EnvironmentCache }): Route[] =>
  implement(api.explanations, {
    async explain({ environment, body }) {
      const snapshot = await cache.find(environment.id)
      if (!snapshot) throw notFound()
      const feature = body.feature ?? undefined
      if (feature !== undefined && !snapshot.compiled.environmentFlag(feature))
        throw invalid({ feature: [`There is no feature named “${feature}” in ${environment.name}.`] })
      const identifier = body.identifier ?? ''
      const isStored = identifier !== '' && body.transient !== true
      const stored = isStored ? await findIdentityNamed(identities, identityKey(environment.id, identifier)) : undefined
      const traits: ReadonlyMap<string, TraitValue> = withTraits(readTraits(stored?.traits), new Map(Object.entries(body.traits ?? {})))
      const subject = identifier === '' ? { traits } : subjectNamed(snapshot, identifier, traits)
      const explained = snapshot.compiled.explain(subject, feature)
      return presentExplanation({ ...explained, traits: Object.fromEntries(traits) })
    },
  })

type Explained = Reply<typeof api.explanations.explain>

/** What the engine says, without what only describes the feature. */
function presentExplanation({ identity, traits, flags, segments }: Explained): Explained {
  const shown = flags.map(({ flag: { name, enabled, value, reason, variant }, ...rest }) => ({
    flag: { name, enabled, value, reason, variant },
    ...rest,
  }))
  return { identity, traits, flags: shown, segments }
}
