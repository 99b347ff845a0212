import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Audience } from '../ports.ts'

export interface StreamAddresses {
  /** Providers keep the address for weeks and reconnect when it changes, so it is the same for ever. */
  readonly addressFor: (clientKey: string, audience: Audience) => string
  /** The client-side key that an address names; undefined when it names none that may listen. */
  readonly keyIn: (query: Readonly<Record<string, string>>) => string | undefined
}

/**
 * Client-side keys are public and stand in the address as they are. A server-side key must not, so its holders get a token made
 * from the installation's secret: the client-side key with a signature.
 */
export function createStreamAddresses(path: string, secret: string): StreamAddresses {
  const sign = (clientKey: string) => createHmac('sha256', secret).update(`ofrep-stream:${clientKey}`).digest('base64url')

  function keyOfToken(token: string): string | undefined {
    const separator = token.lastIndexOf('.')
    const clientKey = token.slice(0, Math.max(separator, 0))
    return isEqual(token.slice(separator + 1), sign(clientKey)) ? clientKey : undefined
  }

  return {
    addressFor: (clientKey, audience) =>
      audience === 'client'
        ? `${path}?key=${encodeURIComponent(clientKey)}`
        : `${path}?token=${encodeURIComponent(`${clientKey}.${sign(clientKey)}`)}`,
    keyIn: ({ key, token }) => (token === undefined ? key : keyOfToken(token)),
  }
}

function isEqual(one: string, other: string): boolean {
  const [oneBytes, otherBytes] = [Buffer.from(one), Buffer.from(other)]
  return oneBytes.length === otherBytes.length && timingSafeEqual(oneBytes, otherBytes)
}
