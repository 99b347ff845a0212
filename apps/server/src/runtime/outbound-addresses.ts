import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** What an operator lets the server reach beyond the public internet. */
export interface OutboundLimits {
  /** Addresses and ranges such as `10.0.0.0/8`; reachable at any port. */
  readonly allow: readonly string[]
  /** Of public addresses. */
  readonly ports: readonly number[]
}

type Address = ipaddr.IPv4 | ipaddr.IPv6

const howToAllow = 'Whoever operates this server can allow it with OUTBOUND_ALLOW.'
// What the internet hands out of IPv6; the rest is reserved, or embeds IPv4 addresses.
const publicIPv6 = ipaddr.IPv6.parseCIDR('2000::/3')
// Azure's metadata service is at a public address.
const metadata = ipaddr.IPv4.parse('168.63.129.16')

export const isAddressRange = (text: string): boolean => isIP(text) !== 0 || ipaddr.isValidCIDR(text)

/** Why a URL is refused before anything is looked up; undefined when it may be tried. */
export function whyNotCallable(text: string, limits: OutboundLimits): string | undefined {
  // What parsers read differently (or drop) is refused rather than interpreted.
  if (/[\s\\\p{Cc}]/u.test(text) || !URL.canParse(text)) return 'Enter a valid URL.'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'Enter a valid URL: it begins with https:// or http://.'
  if (url.username !== '' || url.password !== '') return 'The URL holds a user name or password, which are not sent. Leave them out.'
  const host = hostOf(url)
  if (isIP(host) !== 0) return whyNotReachable([host], url, limits)
  // A name may stand for an address that is allowed at any port: only what it resolves to tells.
  return limits.allow.length === 0 ? whyNotPort(url, limits) : undefined
}

/** Why a host is refused that resolved to these addresses. One that is not allowed spoils them all. */
export function whyNotReachable(addresses: readonly string[], url: URL, limits: OutboundLimits): string | undefined {
  const others = addresses.filter((address) => !isListed(address, limits.allow))
  if (others.some((address) => !isPublic(address))) return `${url.hostname} is not an address on the public internet. ${howToAllow}`
  return others.length > 0 ? whyNotPort(url, limits) : undefined
}

/** The host without the brackets that URLs put around IPv6 addresses. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80))

function whyNotPort(url: URL, { ports }: OutboundLimits): string | undefined {
  if (ports.includes(portOf(url))) return undefined
  return `Port ${portOf(url)} is not one that may be called: ${ports.join(', ')}. Whoever operates this server can add it to OUTBOUND_PORTS.`
}

function isPublic(text: string): boolean {
  // An IPv4 address written as an IPv6 one is judged as what it is.
  const address = ipaddr.process(text)
  if (address.range() !== 'unicast') return false
  return address instanceof ipaddr.IPv6 ? address.match(publicIPv6) : !address.match(metadata, 32)
}

function isListed(text: string, ranges: readonly string[]): boolean {
  const address = ipaddr.process(text)
  return ranges.some((range) => isWithin(address, range.includes('/') ? ipaddr.parseCIDR(range) : [ipaddr.process(range), Infinity]))
}

// `Infinity` is every bit, of either kind.
function isWithin(address: Address, [network, bits]: [Address, number]): boolean {
  if (address instanceof ipaddr.IPv4) return network instanceof ipaddr.IPv4 && address.match(network, Math.min(bits, 32))
  return network instanceof ipaddr.IPv6 && address.match(network, Math.min(bits, 128))
}
