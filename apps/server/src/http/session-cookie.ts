import { forbidden } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The session of a browser. Its token is never readable to scripts. */
export interface SessionCookie {
  /** What the browser sent. */
  readonly token: string | undefined
  set(token: string, maxAgeSeconds: number): void
  clear(): void
}

interface Asked {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly publicUrl: string | undefined
}

// Browsers keep cookies of this prefix only from the host itself, over https or from the machine they run on.
const hostPrefix = '__Host-'

export function sessionCookie({ request, reply, publicUrl }: Asked): SessionCookie {
  const isSecure = isSecurelyReached(request, publicUrl)
  const name = `${isSecure ? hostPrefix : ''}session`
  const put = (value: string, maxAge: number) =>
    reply.header('set-cookie', `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAge}${isSecure ? '; Secure' : ''}`)
  return {
    token: readCookie(request.headers.cookie, name),
    set: (token, maxAgeSeconds) => void put(token, maxAgeSeconds),
    clear: () => void put('', 0),
  }
}

const isSecurelyReached = (request: FastifyRequest, publicUrl: string | undefined): boolean =>
  request.protocol === 'https' || (publicUrl?.startsWith('https:') ?? false) || isLoopback(request.hostname)

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname.endsWith('.localhost') || /^127(?:\.\d{1,3}){3}$/.test(hostname) || /^\[?::1\]?$/.test(hostname)

function readCookie(header: string | undefined, name: string): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim())
  const value = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
  return value === '' ? undefined : value
}

/** The header that our own pages send with every request: other origins' pages cannot, without being allowed to. */
export const pageHeader = 'halyard-page'

/**
 * Browsers send cookies with whatever any page makes them send. So what is written with nothing but a cookie must come from our own
 * pages: by what the browser says of the sender, and by a header that no form can carry.
 */
export function refuseForgery(request: FastifyRequest, publicUrl: string | undefined): void {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (site !== undefined && site !== 'same-origin') throw forbidden('This request came from a page of another site.')
  if (origin !== undefined && !isOwn(origin, request, publicUrl)) throw forbidden('This request came from a page of another origin.')
  if (request.headers[pageHeader] === undefined)
    throw forbidden(`Requests that change something need the header “${pageHeader}: 1” when the session is a cookie.`)
}

function isOwn(origin: string, request: FastifyRequest, publicUrl: string | undefined): boolean {
  if (!URL.canParse(origin)) return false
  const { host, origin: written } = new URL(origin)
  // The protocol is not compared with the request's: proxies that end TLS in front of us are not always told of.
  return publicUrl === undefined ? host === request.host : written === new URL(publicUrl).origin || host === request.host
}
