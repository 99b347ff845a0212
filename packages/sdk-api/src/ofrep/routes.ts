import { notFound, sdkEndpoints, unauthenticated } from '@halyard/contract'
import type { Identity } from '@halyard/engine'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { findEnvironment, refuseStopped } from '../environment-access.ts'
import { subjectNamed } from '../met-identity.ts'
import { parse } from '../parse-request.ts'
import type { EnvironmentSnapshot, OpenedEnvironment, SdkApiPorts } from '../ports.ts'
import { degradedHeader, sendJson } from '../reply-headers.ts'
import { labelsOf } from '../request-labels.ts'
import { headerOf, queryOf } from '../request-text.ts'
import { isServed } from '../served-flags.ts'
import { admitToStream } from '../stream.ts'
import { streamVersion, type Streams } from '../streams.ts'
import { type OfrepContext, readContext } from './context.ts'
import { etagOf, namesEtag } from './etag.ts'
import { targetingKeyMissing } from './failures.ts'
import { evaluationJson, type Style } from './present-evaluation.ts'
import { createStreamAddresses } from './stream-address.ts'

export const ofrepRoutes = (ports: SdkApiPorts, streams: Streams) => {
  const addresses = createStreamAddresses(sdkEndpoints.ofrepStream.path, ports.secret)

  /** Everything but the flags: who asks, for whom, and how the answer should look. */
  async function begin(request: FastifyRequest, reply: FastifyReply) {
    const opened = await openForOfrep(ports, request)
    const context = readContext(request.body)
    const query = queryOf(request)
    if (context.identifier === '' && query['strict'] === '1') throw targetingKeyMissing()
    ports.countRequest(opened.snapshot, context.identifier === '' ? 'flags' : 'identities', labelsOf(request))
    const style: Style = { asBoolean: query['mode'] === 'enabled', readsJson: query['json'] === '1' }
    const { subject, degraded } = await recall(ports, opened, context)
    if (degraded) reply.header(degradedHeader, 'traits-not-stored')
    return { ...opened, query, style, subject }
  }

  return {
    async ofrepFlag(request: FastifyRequest, reply: FastifyReply) {
      const { snapshot, audience, style, subject } = await begin(request, reply)
      const { key } = parse(sdkEndpoints.ofrepFlag.params, request.params)
      const flag = snapshot.compiled.flagFor(subject, key)
      if (!flag || !isServed(snapshot, audience)(flag)) throw notFound(`No flag is named ${JSON.stringify(key)}.`)
      return sendJson(reply, evaluationJson(audience, style)(flag))
    },

    async ofrepFlags(request: FastifyRequest, reply: FastifyReply) {
      const { snapshot, audience, query, style, subject } = await begin(request, reply)
      const flags = snapshot.compiled.flagsFor(subject).filter(isServed(snapshot, audience)).map(evaluationJson(audience, style))
      const body = bulkBody(snapshot, flags, addresses.addressFor(snapshot.clientKey, audience))
      const etag = etagOf(snapshot, body)
      reply.header('etag', etag)
      // Who was told of another configuration than ours gets it in full, whatever reply it still has.
      const isUpToDate = [undefined, streamVersion(snapshot)].includes(query['flagConfigEtag'])
      return isUpToDate && namesEtag(headerOf(request, 'if-none-match'), etag) ? reply.code(304).send() : sendJson(reply, body)
    },

    async ofrepStream(request: FastifyRequest, reply: FastifyReply) {
      const key = addresses.keyIn(queryOf(request))
      const opened = key === undefined ? undefined : await findEnvironment(ports, key)
      const { snapshot } = await admitToStream(opened?.audience === 'client' ? opened : undefined, () =>
        unauthenticated('No environment has this key or token.'),
      )
      streams.open(request, reply, { snapshot, kind: 'ofrep' })
      return reply
    },
  }
}

function bulkBody({ compiled }: EnvironmentSnapshot, flags: readonly string[], requestUri: string): string {
  const { name: environment, updated_at: version, project } = compiled.document
  const metadata = JSON.stringify({ environment, version })
  const streams = JSON.stringify([{ type: 'sse', endpoint: { requestUri } }])
  return `{"flags":[${flags.join(',')}],"metadata":${metadata}${project.enable_realtime_updates ? `,"eventStreams":${streams}` : ''}}`
}

// To OpenFeature a key that opens nothing is 401; 403 says that the key is known and may not.
async function openForOfrep(ports: SdkApiPorts, request: FastifyRequest): Promise<OpenedEnvironment> {
  const key = bearerOf(request) ?? headerOf(request, 'x-api-key') ?? headerOf(request, 'x-environment-key')
  if (key === undefined) throw unauthenticated('An environment key is needed, as Authorization: Bearer or X-API-Key.')
  const opened = await findEnvironment(ports, key)
  if (!opened) throw unauthenticated('No environment has this key.')
  refuseStopped(opened)
  return opened
}

const bearerOf = (request: FastifyRequest) => /^Bearer +(\S+)$/i.exec(headerOf(request, 'authorization') ?? '')?.[1]

/** Adds what is stored of a known identity to what the context says, which wins. Stores nothing. */
async function recall(ports: SdkApiPorts, { snapshot, audience }: OpenedEnvironment, context: OfrepContext): Promise<Recalled> {
  const mayAdd = audience === 'server' || snapshot.compiled.document.allow_client_traits
  const added: OfrepContext['traits'] = mayAdd ? context.traits : new Map()
  const { identifier } = context
  if (identifier === '') return { subject: { traits: added }, degraded: false }
  const remembered = await ports.rememberIdentity(snapshot, { identifier, mode: 'read', traits: new Map() })
  return { subject: subjectNamed(snapshot, identifier, new Map([...remembered.traits, ...added])), degraded: remembered.degraded }
}

interface Recalled {
  readonly subject: Identity
  readonly degraded: boolean
}
