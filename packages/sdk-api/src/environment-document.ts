import { Problem } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Condition, conditionOf } from './conditional-document.ts'
import { openEnvironmentForServers } from './environment-access.ts'
import { unixSeconds, wholeSeconds } from './instants.ts'
import type { EnvironmentSnapshot, SdkApiPorts } from './ports.ts'
import { environmentDocumentJson } from './present-document.ts'
import { sendJson, updatedAtHeader } from './reply-headers.ts'
import { labelsOf } from './request-labels.ts'
import { headerOf } from './request-text.ts'

type Answer = (reply: FastifyReply, snapshot: EnvironmentSnapshot) => FastifyReply

const answers: Record<Condition, Answer> = {
  send: (reply, snapshot) => sendJson(reply, environmentDocumentJson(snapshot)),
  'not-modified': (reply) => reply.code(304).send(),
  'precondition-failed': () => {
    throw new Problem('precondition_failed', 'The environment document has changed since.')
  },
}

export const environmentDocumentRoutes = (ports: SdkApiPorts) => ({
  async environmentDocument(request: FastifyRequest, reply: FastifyReply) {
    const { snapshot } = await openEnvironmentForServers(ports, request)
    ports.countRequest(snapshot, 'environment-document', labelsOf(request))
    reply.header(updatedAtHeader, unixSeconds(snapshot.updatedAt))
    reply.header('last-modified', new Date(wholeSeconds(snapshot.updatedAt) * 1000).toUTCString())
    const condition = conditionOf(snapshot, {
      ifModifiedSince: headerOf(request, 'if-modified-since'),
      ifUnmodifiedSince: headerOf(request, 'if-unmodified-since'),
    })
    return answers[condition](reply, snapshot)
  },
})
