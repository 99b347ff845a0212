import { conflict, forbidden, invalidFields, Problem, sdkEndpoints } from '@halyard/contract'
import type { TraitValue } from '@halyard/engine'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openEnvironment } from './environment-access.ts'
import { bodyOf, parse, refuseTooMany } from './parse-request.ts'
import type { EnvironmentSnapshot, OpenedEnvironment, SdkApiPorts } from './ports.ts'
import { sendJson } from './reply-headers.ts'
import { labelsOf } from './request-labels.ts'
import { isObject } from './request-text.ts'
import { traitIds } from './trait-ids.ts'

/** Endpoints from before identities took traits along; unlike those they fail when nothing can be stored. */
export const traitsRoutes = (ports: SdkApiPorts) => ({
  async setTrait(request: FastifyRequest, reply: FastifyReply) {
    const { snapshot } = await openForTraits(ports, request)
    const trait = parse(sdkEndpoints.setTrait.body, bodyOf(request))
    await store(ports, snapshot, { identifier: trait.identity.identifier, traits: new Map([[trait.trait_key, trait.trait_value]]) })
    return sendJson(reply, JSON.stringify(presentSetTrait(trait)))
  },

  async setTraits(request: FastifyRequest, reply: FastifyReply) {
    const { snapshot } = await openForTraits(ports, request)
    const traits = parseBulk(request)
    const byIdentifier = new Map<string, Map<string, TraitValue>>()
    for (const { identity, trait_key: key, trait_value: value } of traits) {
      const own = byIdentifier.get(identity.identifier) ?? new Map<string, TraitValue>()
      byIdentifier.set(identity.identifier, own.set(key, value))
    }
    await Promise.all([...byIdentifier].map(([identifier, own]) => store(ports, snapshot, { identifier, traits: own })))
    return sendJson(reply, JSON.stringify(traits.filter(({ trait_value: value }) => value !== null).map(presentSetTrait)))
  },

  async incrementTrait(request: FastifyRequest, reply: FastifyReply) {
    const { snapshot } = await openForTraits(ports, request)
    const { identifier, trait_key: key, increment_by: by } = parse(sdkEndpoints.incrementTrait.body, bodyOf(request))
    const value = await ports.incrementTrait(snapshot, identifier, key, by)
    if (value === 'not-an-integer') throw new Problem('invalid', 'Trait is not an integer.', { body: ['Trait is not an integer.'] })
    return sendJson(reply, JSON.stringify({ trait_key: key, trait_value: value, identifier }))
  },

  async setIdentityTrait(request: FastifyRequest, reply: FastifyReply) {
    const { snapshot } = await openForTraits(ports, request)
    const { identifier, trait_key: key } = parse(sdkEndpoints.setIdentityTrait.params, request.params)
    const body = bodyOf(request)
    if (isObject(body) && (body['trait_value'] ?? null) === null) throw new Problem('invalid', 'Trait value not provided')
    const { trait_value: value } = parse(sdkEndpoints.setIdentityTrait.body, body)
    const { traits } = await store(ports, snapshot, { identifier, traits: new Map([[key, value]]) })
    const id = traitIds(traits.keys()).get(key) ?? null
    return sendJson(reply, JSON.stringify({ id, trait_key: key, trait_value: value, transient: false }))
  },
})

interface SetTrait {
  readonly identity: { readonly identifier: string }
  readonly trait_key: string
  readonly trait_value: TraitValue
}

const presentSetTrait = ({ identity, trait_key, trait_value }: SetTrait) => ({ identity, trait_value, trait_key })

async function openForTraits(ports: SdkApiPorts, request: FastifyRequest): Promise<OpenedEnvironment> {
  const opened = await openEnvironment(ports, request)
  const { snapshot, audience } = opened
  ports.countRequest(snapshot, 'traits', labelsOf(request))
  const { allow_client_traits: clientsMaySet, project } = snapshot.compiled.document
  if (!project.organisation.persist_trait_data) throw forbidden('Organisation is not authorised to store traits.')
  if (audience === 'client' && !clientsMaySet) throw conflict('Setting traits not allowed with client key.')
  return opened
}

interface Owned {
  readonly identifier: string
  readonly traits: ReadonlyMap<string, TraitValue>
}

async function store(ports: SdkApiPorts, snapshot: EnvironmentSnapshot, { identifier, traits }: Owned) {
  const remembered = await ports.rememberIdentity(snapshot, { identifier, mode: 'persist', traits })
  if (remembered.degraded) throw new Problem('unavailable', 'Traits cannot be stored at the moment.', { headers: { 'retry-after': '5' } })
  return remembered
}

function parseBulk(request: FastifyRequest): SetTrait[] {
  const body = bodyOf(request)
  refuseTooMany(body, 'non_field_errors')
  if (!Array.isArray(body) || !body.every(isObject)) throw new Problem('invalid', 'Invalid request data')
  const parsed = body.map((trait) => sdkEndpoints.setTraits.body.element.safeParse(trait))
  if (parsed.some(({ error }) => error)) {
    // One object per trait, empty where nothing is wrong: the errors are a list because the body is one.
    const errors = parsed.map(({ error }) => (error ? invalidFields(error).body : {}))
    throw new Problem('invalid', 'Some traits are not valid.', { body: errors })
  }
  return parsed.flatMap(({ data }) => data ?? [])
}
