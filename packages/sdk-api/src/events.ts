import { elementsMax, forbidden, Problem, sdkEndpoints, unauthenticated } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type * as z from 'zod'
import { findEnvironment, refuseStopped } from './environment-access.ts'
import { bodyOf } from './parse-request.ts'
import type { SdkApiPorts, SdkEvent } from './ports.ts'
import { sendJson } from './reply-headers.ts'
import { headerOf, isObject } from './request-text.ts'

const eventSchema = sdkEndpoints.events.body.shape.events.element
const dayInMilliseconds = 24 * 60 * 60 * 1000

interface Rejection {
  readonly index: number
  readonly error: string
}

export const eventsRoutes = (ports: SdkApiPorts) => {
  async function recordEvents(request: FastifyRequest, reply: FastifyReply) {
    const snapshot = await openForEvents(ports, request)
    const { events, rejected } = sort(bodyOf(request), ports.now())
    const answer = { accepted: events.length, rejected }
    if (events.length === 0) throw new Problem('invalid', 'No event was accepted.', { body: answer })
    await ports.recordEvents(snapshot, events)
    return sendJson(reply.code(202), JSON.stringify(answer))
  }
  return { events: recordEvents, eventsBelowApi: recordEvents }
}

// The official ingestion server, unlike the rest of the API, tells a missing key from an unknown one.
async function openForEvents(ports: SdkApiPorts, request: FastifyRequest) {
  const key = headerOf(request, 'x-environment-key')
  if (key === undefined) throw unauthenticated('Invalid or missing Environment key')
  const opened = await findEnvironment(ports, key)
  if (!opened) throw forbidden('Invalid or missing Environment Key')
  refuseStopped(opened)
  return opened.snapshot
}

/** The events that are good, and what is wrong with the others. */
function sort(body: unknown, now: Date): { events: SdkEvent[]; rejected: Rejection[] } {
  const sent = isObject(body) ? body['events'] : undefined
  if (!Array.isArray(sent)) return { events: [], rejected: [{ index: 0, error: 'events must be an array' }] }
  if (sent.length === 0) return { events: [], rejected: [{ index: 0, error: 'events must be non-empty' }] }
  if (sent.length > elementsMax) {
    return { events: [], rejected: [{ index: 0, error: `events must have at most ${elementsMax} elements` }] }
  }
  const events: SdkEvent[] = []
  const rejected: Rejection[] = []
  const latest = now.getTime() + dayInMilliseconds
  for (const [index, written] of sent.entries()) {
    const parsed = eventSchema.safeParse(written)
    if (!parsed.success) rejected.push({ index, error: describe(index, parsed.error) })
    else if (parsed.data.timestamp > latest) {
      rejected.push({ index, error: `events[${index}].timestamp must be at most 24 hours ahead` })
    } else events.push(read(parsed.data))
  }
  return { events, rejected }
}

function describe(index: number, { issues: [issue] }: z.ZodError): string {
  const path = ['', ...(issue?.path ?? [])].map(String).join('.')
  return `events[${index}]${path} ${issue?.message ?? 'is not valid'}`
}

const read = (event: z.output<typeof eventSchema>): SdkEvent => ({
  event: event.event,
  featureName: event.feature_name ?? null,
  identifier: event.identifier ?? null,
  value: event.value ?? null,
  traits: event.traits ?? null,
  metadata: event.metadata ?? null,
  timestamp: new Date(event.timestamp),
})
