import { forbidden } from '@halyard/contract'
import type { FastifyRequest } from 'fastify'
import type { OpenedEnvironment, SdkApiPorts } from './ports.ts'
import { headerOf } from './request-text.ts'

export type Opening = OpenedEnvironment | Promise<OpenedEnvironment>

export const serverKeyPrefix = 'ser.'

const isMissing = () => forbidden('Invalid or missing Environment key')
const isUnknown = () => forbidden('Invalid or missing Environment Key')

/** The environment that the request's key opens. Not awaited when it is in memory: that is the hot path. */
export function openEnvironment(ports: SdkApiPorts, request: FastifyRequest): Opening {
  const key = headerOf(request, 'x-environment-key')
  if (key === undefined) throw isMissing()
  return whenFound(findEnvironment(ports, key), admit)
}

export function openEnvironmentForServers(ports: SdkApiPorts, request: FastifyRequest): Opening {
  const key = headerOf(request, 'x-environment-key')
  if (!key?.startsWith(serverKeyPrefix)) throw isMissing()
  return whenFound(findEnvironment(ports, key), admit)
}

/** Keys are visible ASCII; nothing else is worth a look, and some of it no database takes. */
export const findEnvironment = (ports: SdkApiPorts, key: string) => (/^[!-~]{1,255}$/.test(key) ? ports.findEnvironment(key) : undefined)

function admit(opened: OpenedEnvironment | undefined): OpenedEnvironment {
  if (!opened) throw isUnknown()
  refuseStopped(opened)
  return opened
}

export function refuseStopped({ snapshot }: OpenedEnvironment): void {
  if (snapshot.compiled.document.project.organisation.stop_serving_flags) {
    throw forbidden('Organisation is disabled from serving flags.')
  }
}

/** Goes on at once when there is nothing to wait for. */
export function whenFound<Found, Next>(found: Found | Promise<Found>, use: (found: Found) => Next): Next | Promise<Next> {
  return found instanceof Promise ? found.then(use) : use(found)
}
