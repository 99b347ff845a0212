import { notFound, sdkEndpoints } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openEnvironment, whenFound } from './environment-access.ts'
import { unixSeconds } from './instants.ts'
import { meetIdentity, subjectOf } from './met-identity.ts'
import { oncePer } from './once-per.ts'
import { parse } from './parse-request.ts'
import type { Audience, EnvironmentSnapshot, OpenedEnvironment, SdkApiPorts } from './ports.ts'
import { environmentFlagJson } from './present-flag.ts'
import { degradedHeader, sendJson, updatedAtHeader } from './reply-headers.ts'
import { labelsOf } from './request-labels.ts'
import { queryOf } from './request-text.ts'
import { isServed } from './served-flags.ts'

const encodeFlags = (audience: Audience) => (snapshot: EnvironmentSnapshot) => {
  const flags = snapshot.compiled.environmentFlags.filter(isServed(snapshot, audience))
  return Buffer.from(`[${flags.map(environmentFlagJson(snapshot)).join(',')}]`)
}

const environmentFlagsJson = { client: oncePer(encodeFlags('client')), server: oncePer(encodeFlags('server')) }

export const flagsRoutes = (ports: SdkApiPorts) => ({
  flags: (request: FastifyRequest, reply: FastifyReply) =>
    whenFound(openEnvironment(ports, request), (opened) => {
      ports.countRequest(opened.snapshot, 'flags', labelsOf(request))
      const { feature } = queryOf(request)
      return feature ? sendFlag(reply, opened, feature) : sendFlags(reply, opened)
    }),

  async identityFlags(request: FastifyRequest, reply: FastifyReply) {
    const opened = await openEnvironment(ports, request)
    const { snapshot, audience } = opened
    ports.countRequest(snapshot, 'flags', labelsOf(request))
    const { identifier } = parse(sdkEndpoints.identityFlags.params, request.params)
    const met = await meetIdentity(ports, opened, { identifier, transient: false, traits: [] })
    if (met.degraded) reply.header(degradedHeader, 'traits-not-stored')
    const flags = snapshot.compiled.flagsFor(subjectOf(snapshot, met)).filter(isServed(snapshot, audience))
    reply.header(updatedAtHeader, unixSeconds(snapshot.updatedAt))
    return sendJson(reply, `[${flags.map(environmentFlagJson(snapshot)).join(',')}]`)
  },
})

function sendFlags(reply: FastifyReply, { snapshot, audience }: OpenedEnvironment): FastifyReply {
  reply.header(updatedAtHeader, unixSeconds(snapshot.updatedAt))
  return sendJson(reply, environmentFlagsJson[audience](snapshot))
}

function sendFlag(reply: FastifyReply, { snapshot, audience }: OpenedEnvironment, name: string): FastifyReply {
  const flag = snapshot.compiled.environmentFlag(name)
  if (!flag || !isServed(snapshot, audience)(flag)) throw notFound('Given feature not found')
  return sendJson(reply, environmentFlagJson(snapshot)(flag))
}
