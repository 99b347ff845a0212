import { notFound, sdkEndpoints } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { setTimeout } from 'node:timers/promises'
import { findEnvironment, refuseStopped, serverKeyPrefix } from './environment-access.ts'
import { parse } from './parse-request.ts'
import type { OpenedEnvironment, SdkApiPorts } from './ports.ts'
import type { Streams } from './streams.ts'

const refusalDelayMilliseconds = 1000

export const streamRoutes = (ports: SdkApiPorts, streams: Streams) => ({
  async stream(request: FastifyRequest, reply: FastifyReply) {
    const { environment_key: key } = parse(sdkEndpoints.stream.params, request.params)
    // A server-side key is a secret and has no place in an address.
    const opened = key.startsWith(serverKeyPrefix) ? undefined : await findEnvironment(ports, key)
    const { snapshot } = await admitToStream(opened, () => notFound('No environment has this key.'))
    streams.open(request, reply, { snapshot, kind: 'sdk' })
    return reply
  },
})

/** Refuses slowly: some clients (Python) come back at once and for ever. */
export async function admitToStream(opened: OpenedEnvironment | undefined, refusal: () => Error): Promise<OpenedEnvironment> {
  try {
    if (!opened) throw refusal()
    refuseStopped(opened)
    return opened
  } catch (error) {
    await setTimeout(refusalDelayMilliseconds, undefined, { ref: false })
    throw error
  }
}
