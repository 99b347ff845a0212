import { lookup as lookUpName } from 'node:dns/promises'
import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { hostOf, whyNotCallable, whyNotReachable, type OutboundLimits } from './outbound-addresses.ts'

/** The one way to call addresses that other people gave: webhooks, integrations, issuers of sign-ins. */
export interface Outbound {
  /** Why `send` would refuse a URL whatever it resolves to; for whoever is about to store it. */
  whyNotCallable(url: string): string | undefined
  /** Answers with whatever the other side does, redirects included: none is followed. Throws `OutboundFailure`. */
  send(request: OutboundRequest): Promise<OutboundReply>
}

export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

export interface OutboundReply {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  /** Its first 64 kB as UTF-8. */
  readonly text: string
  /** Whether there was more. */
  readonly truncated: boolean
}

/** No reply; the message is for whoever gave the URL. */
export class OutboundFailure extends Error {
  override readonly name = 'OutboundFailure'
  /** `refused`: by us, trying again is no use; `untrusted`: its certificate; `unreachable`: all else. */
  readonly reason: 'refused' | 'untrusted' | 'unreachable'

  constructor(reason: OutboundFailure['reason'], message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

export interface OutboundOptions extends OutboundLimits {
  readonly resolve?: (host: string) => Promise<{ address: string; family: number }[]>
  readonly connectMs?: number
  readonly totalMs?: number
}

const replyBytesMax = 64 * 1024
const headerBytesMax = 16 * 1024
const resolveByName = (host: string) => lookUpName(host, { all: true })

export function createOutbound(options: OutboundOptions): Outbound {
  const limits = { allow: options.allow, ports: options.ports }
  const means = { limits, resolve: resolveByName, connectMs: 5_000, totalMs: 10_000, ...options }
  return {
    whyNotCallable: (url) => whyNotCallable(url, limits),
    async send(request) {
      const reason = whyNotCallable(request.url, limits)
      if (reason !== undefined) throw new OutboundFailure('refused', reason)
      return exchange(new URL(request.url), request, means)
    },
  }
}

type Means = Required<OutboundOptions> & { readonly limits: OutboundLimits }

function exchange(url: URL, request: OutboundRequest, means: Means): Promise<OutboundReply> {
  return new Promise<OutboundReply>((resolve, reject) => {
    const sent = startRequest(url, request, means)
    const fail = (error: unknown) => {
      stopClocks()
      sent.destroy()
      reject(asFailure(error, url))
    }
    const connecting = setTimeout(() => fail(new Error(`not connected within ${means.connectMs} ms`)), means.connectMs)
    const waiting = setTimeout(() => fail(new Error(`no whole reply within ${means.totalMs} ms`)), means.totalMs)
    const onAbort = () => fail(request.signal?.reason)
    const stopClocks = () => {
      clearTimeout(connecting)
      clearTimeout(waiting)
      request.signal?.removeEventListener('abort', onAbort)
    }
    request.signal?.addEventListener('abort', onAbort)
    if (request.signal?.aborted) onAbort()
    sent.on('error', fail)
    sent.on('socket', (socket) => {
      socket.once('connect', () => {
        clearTimeout(connecting)
        // What was looked up was checked; this is for whatever connected without looking up.
        const reason = whyNotReachable([socket.remoteAddress ?? '0.0.0.0'], url, means.limits)
        if (reason !== undefined) fail(new OutboundFailure('refused', reason))
      })
    })
    sent.on('response', (response) => {
      readReply(response).then((reply) => {
        stopClocks()
        sent.destroy()
        resolve(reply)
      }, fail)
    })
    sent.end(request.body)
  })
}

function startRequest(url: URL, { method, headers, body }: OutboundRequest, means: Means): http.ClientRequest {
  const { request } = url.protocol === 'https:' ? https : http
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  try {
    return request(url, {
      method,
      headers: { 'accept-encoding': 'identity', ...headers, ...length },
      // A connection of its own: one kept from before may lead where the name led then.
      agent: false,
      lookup: checkedLookup(url, means),
      maxHeaderSize: headerBytesMax,
    })
  } catch (error) {
    if (error instanceof TypeError) throw new OutboundFailure('refused', 'A header holds characters that HTTP does not allow in it.', error)
    throw error
  }
}

/** Resolves and checks in one step, and hands the connection just the addresses that were checked: a name cannot change in between. */
function checkedLookup(url: URL, means: Means): LookupFunction {
  return (_host, { all }, callback) => {
    const answer = async () => {
      const found = await findAllowed(url, means)
      if (found instanceof Error) callback(found, [])
      else if (all) callback(null, [found.first, ...found.others])
      else callback(null, found.first.address, found.first.family)
    }
    void answer()
  }
}

async function findAllowed(url: URL, { limits, resolve }: Means) {
  try {
    const [first, ...others] = await resolve(hostOf(url))
    if (first === undefined) return new Error(`${url.hostname} has no address`)
    const addresses = [first, ...others].map(({ address }) => address)
    if (addresses.some((address) => isIP(address) === 0)) return new Error(`${url.hostname} resolves to something else than addresses`)
    const reason = whyNotReachable(addresses, url, limits)
    return reason === undefined ? { first, others } : new OutboundFailure('refused', reason)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

async function readReply(response: http.IncomingMessage): Promise<OutboundReply> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    const bytes = Buffer.from(chunk)
    chunks.push(bytes)
    length += bytes.length
    if (length > replyBytesMax) break
  }
  const text = Buffer.concat(chunks).subarray(0, replyBytesMax).toString('utf8')
  return { status: response.statusCode ?? 0, headers: response.headers, text, truncated: length > replyBytesMax }
}

// Codes of TLS that tell about the other side's certificate: whoever runs it can mend that.
const certificateCodes = /^(CERT_|ERR_TLS_CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** Closed, filtered, absent and silent are one text: the difference would make us a port scanner. */
function asFailure(error: unknown, url: URL): OutboundFailure {
  if (error instanceof OutboundFailure) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (certificateCodes.test(code))
    return new OutboundFailure('untrusted', `The certificate of ${url.hostname} is not trusted (${code}).`, error)
  return new OutboundFailure('unreachable', `${url.hostname} could not be reached, or did not answer in time.`, error)
}
