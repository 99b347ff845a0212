import { type sdkEndpoints } from '@halyard/contract'
import type { Flag, Identity, TraitValue } from '@halyard/engine'
import type * as z from 'zod'
import { anonymousIdentifier } from './anonymous-identifier.ts'
import { identityId } from './identity-id.ts'
import type { EnvironmentSnapshot, OpenedEnvironment, RememberedIdentity, SdkApiPorts } from './ports.ts'

export type RequestTrait = z.output<typeof sdkEndpoints.identify.body>['traits'][number]

/** Who a request says is there. */
export interface Introduction {
  /** Empty for somebody unknown. */
  readonly identifier: string
  readonly transient: boolean
  readonly traits: readonly RequestTrait[]
}

export interface MetIdentity {
  readonly identifier: string
  readonly traits: ReadonlyMap<string, MetTrait>
  readonly degraded: boolean
}

export interface MetTrait {
  readonly value: Exclude<TraitValue, null>
  readonly transient: boolean
  readonly stored: boolean
}

/** Stores what is to be stored, and gathers what counts: what is known and what the request adds, which wins. */
export async function meetIdentity(ports: SdkApiPorts, opened: OpenedEnvironment, introduction: Introduction): Promise<MetIdentity> {
  const { snapshot, audience } = opened
  const { allow_client_traits: clientsMayAdd, project } = snapshot.compiled.document
  const requested = audience === 'server' || clientsMayAdd ? introduction.traits : []
  if (introduction.identifier === '') return meetAnonymously(requested)
  const { identifier, transient } = introduction
  const keepsTraits = !transient && project.organisation.persist_trait_data
  const remembered = await ports.rememberIdentity(snapshot, {
    identifier,
    mode: transient ? 'read' : 'persist',
    traits: keepsTraits ? traitsToKeep(requested) : new Map(),
  })
  const traits = mergeTraits(remembered, transient ? requested.map(asTransient) : requested, keepsTraits && !remembered.degraded)
  return { identifier, traits, degraded: remembered.degraded }
}

function meetAnonymously(requested: readonly RequestTrait[]): MetIdentity {
  const values = new Map(requested.map(({ trait_key: key, trait_value: value }) => [key, value]))
  const traits = mergeTraits({ existed: false, traits: new Map(), degraded: false }, requested.map(asTransient), false)
  return { identifier: anonymousIdentifier(values), traits, degraded: false }
}

const asTransient = (trait: RequestTrait): RequestTrait => ({ ...trait, transient: true })

const traitsToKeep = (requested: readonly RequestTrait[]): ReadonlyMap<string, TraitValue> =>
  new Map(requested.filter(({ transient }) => !transient).map(({ trait_key: key, trait_value: value }) => [key, value]))

/**
 * In the order the wire shows them: of an identity known before what is stored, what is new, what is transient; of a new one
 * as the request has them. Null removes, and a transient trait hides a stored one of its name.
 */
function mergeTraits(remembered: RememberedIdentity, requested: readonly RequestTrait[], stored: boolean): Map<string, MetTrait> {
  const merged = new Map<string, MetTrait>()
  if (remembered.existed) {
    for (const [key, value] of remembered.traits) merged.set(key, { value, transient: false, stored: true })
  }
  for (const { trait_key: key, trait_value: value, transient } of inOrderOfStrength(requested, remembered.existed)) {
    if (value === null) merged.delete(key)
    else if (!transient) merged.set(key, { value, transient, stored })
    else {
      if (remembered.existed) merged.delete(key)
      merged.set(key, { value, transient, stored: false })
    }
  }
  return merged
}

function inOrderOfStrength(requested: readonly RequestTrait[], existed: boolean): readonly RequestTrait[] {
  const transient = requested.filter((trait) => trait.transient)
  if (transient.length === 0 || transient.length === requested.length) return requested
  if (existed) return [...requested.filter((trait) => !trait.transient), ...transient]
  const hidden = new Set(transient.map(({ trait_key: key }) => key))
  return requested.filter((trait) => trait.transient || !hidden.has(trait.trait_key))
}

/** What the engine is asked about. */
export function subjectOf(snapshot: EnvironmentSnapshot, { identifier, traits }: MetIdentity): Identity {
  const values = new Map<string, TraitValue>()
  for (const [key, { value }] of traits) values.set(key, value)
  return subjectNamed(snapshot, identifier, values)
}

export function subjectNamed(snapshot: EnvironmentSnapshot, identifier: string, traits: ReadonlyMap<string, TraitValue>): Identity {
  if (snapshot.compiled.document.use_identity_composite_key_for_hashing) return { identifier, traits }
  return { identifier, key: String(identityId(snapshot.environmentId, identifier)), traits }
}

/** As if the identity had no overrides of its own: a transient identity that is only named is nobody known. */
export function flagsWithoutOverrides({ compiled, environmentId }: EnvironmentSnapshot, identifier: string): Flag[] {
  const { api_key: key, use_identity_composite_key_for_hashing: isComposite } = compiled.document
  const hashKey = isComposite ? `${key}_${identifier}` : String(identityId(environmentId, identifier))
  return compiled.flagsFor({ identifier, key: hashKey }).flatMap((flag) => {
    // The engine finds overrides by identifier, so who has one is evaluated by key alone for that feature.
    const served = flag.source === 'identity' ? compiled.flagFor({ key: hashKey }, flag.name) : flag
    return served ? [served] : []
  })
}
