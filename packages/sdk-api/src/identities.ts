import { notFound, sdkEndpoints } from '@halyard/contract'
import type { Flag } from '@halyard/engine'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openEnvironment } from './environment-access.ts'
import { unixSeconds } from './instants.ts'
import { flagsWithoutOverrides, meetIdentity, type MetIdentity, subjectOf } from './met-identity.ts'
import { bodyOf, parse, refuseTooMany } from './parse-request.ts'
import type { OpenedEnvironment, SdkApiPorts } from './ports.ts'
import { identityFlagJson } from './present-flag.ts'
import { presentTraits } from './present-traits.ts'
import { degradedHeader, sendJson, updatedAtHeader } from './reply-headers.ts'
import { labelsOf } from './request-labels.ts'
import { isObject, queryOf } from './request-text.ts'
import { isServed } from './served-flags.ts'

export const identitiesRoutes = (ports: SdkApiPorts) => {
  async function open(request: FastifyRequest, reply: FastifyReply) {
    const opened = await openEnvironment(ports, request)
    ports.countRequest(opened.snapshot, 'identities', labelsOf(request))
    reply.header(updatedAtHeader, unixSeconds(opened.snapshot.updatedAt))
    return opened
  }

  return {
    async identity(request: FastifyRequest, reply: FastifyReply) {
      const opened = await open(request, reply)
      const { identifier = '', transient, feature } = parse(sdkEndpoints.identity.query, queryOf(request))
      // Not a failure upstream either.
      if (identifier === '') return sendJson(reply, '{"detail":"Missing identifier"}')
      const isTransient = isTruthy(transient)
      const met = isTransient ? strangerNamed(identifier) : await meetIdentity(ports, opened, { identifier, transient: false, traits: [] })
      const flags = isTransient ? flagsWithoutOverrides(opened.snapshot, identifier) : flagsOf(opened, met)
      return feature
        ? sendFlag(
            reply,
            opened,
            flags.find(({ name }) => name === feature),
          )
        : sendIdentity(reply, opened, { met, flags })
    },

    async identify(request: FastifyRequest, reply: FastifyReply) {
      const opened = await open(request, reply)
      const body = bodyOf(request)
      if (isObject(body)) refuseTooMany(body['traits'], 'traits')
      const met = await meetIdentity(ports, opened, parse(sdkEndpoints.identify.body, body))
      return sendIdentity(reply, opened, { met, flags: flagsOf(opened, met) })
    },

    async identityWithSegments(request: FastifyRequest, reply: FastifyReply) {
      const opened = await open(request, reply)
      const { identifier } = parse(sdkEndpoints.identityWithSegments.params, request.params)
      const met = await meetIdentity(ports, opened, { identifier, transient: false, traits: [] })
      if (met.degraded) reply.header(degradedHeader, 'traits-not-stored')
      const segments = JSON.stringify(segmentsOf(opened, met))
      const { flags, traits } = encode(opened, { met, flags: flagsOf(opened, met) })
      return sendJson(reply, `{"flags":${flags},"traits":${traits},"segments":${segments}}`)
    },
  }
}

interface Evaluated {
  readonly met: MetIdentity
  readonly flags: readonly Flag[]
}

// Upstream takes any text for true, `false` included; nobody can mean that.
const isTruthy = (text = '') => !/^(|0|f|false|n|no|off)$/i.test(text)

const strangerNamed = (identifier: string): MetIdentity => ({ identifier, traits: new Map(), degraded: false })

const flagsOf = ({ snapshot }: OpenedEnvironment, met: MetIdentity) => snapshot.compiled.flagsFor(subjectOf(snapshot, met))

// The names of segments tell whom is targeted, and client-side keys are public.
function segmentsOf({ snapshot, audience }: OpenedEnvironment, met: MetIdentity) {
  if (audience === 'client') return []
  return snapshot.compiled.segmentsFor(subjectOf(snapshot, met)).map(({ name, metadata }) => ({ id: metadata?.['id'], name }))
}

function sendFlag(reply: FastifyReply, { snapshot, audience }: OpenedEnvironment, flag: Flag | undefined): FastifyReply {
  if (!flag || !isServed(snapshot, audience)(flag)) throw notFound('Given feature not found')
  return sendJson(reply, identityFlagJson(snapshot, audience)(flag))
}

function sendIdentity(reply: FastifyReply, opened: OpenedEnvironment, evaluated: Evaluated): FastifyReply {
  if (evaluated.met.degraded) reply.header(degradedHeader, 'traits-not-stored')
  const { flags, traits } = encode(opened, evaluated)
  return sendJson(reply, `{"identifier":${JSON.stringify(evaluated.met.identifier)},"traits":${traits},"flags":${flags}}`)
}

/** Put together from what each flag was encoded to once. */
function encode({ snapshot, audience }: OpenedEnvironment, { met, flags }: Evaluated) {
  const isShown = isServed(snapshot, audience)
  const json = identityFlagJson(snapshot, audience)
  let shown = ''
  for (const flag of flags) {
    if (isShown(flag)) shown += shown === '' ? json(flag) : `,${json(flag)}`
  }
  const traits = snapshot.compiled.document.hide_sensitive_data ? '[]' : JSON.stringify(presentTraits(met.traits))
  return { flags: `[${shown}]`, traits }
}
