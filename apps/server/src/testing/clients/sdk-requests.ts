import { sdkEndpoints } from '@halyard/contract'
import * as z from 'zod'
import type { Answer, TestServer } from '../start-server.ts'

/** A flag as an SDK sees it. */
export interface SeenFlag {
  readonly enabled: boolean
  readonly value: string | number | boolean | null
  /** Absent where nobody is evaluated for. */
  readonly variant?: string | null | undefined
}

export interface SeenFlags {
  /** What the header `X-Flagsmith-Document-Updated-At` says. */
  readonly updatedAt: number
  readonly flags: Readonly<Record<string, SeenFlag>>
}

const list = z.array(sdkEndpoints.identify.reply.shape.flags.element.partial({ variant: true }))

/** The flags of an environment for somebody unknown, held to the contract. */
export async function readFlags(server: TestServer, key: string): Promise<SeenFlags> {
  const answer = await server.send('GET', '/api/v1/flags/', { headers: { 'x-environment-key': key } })
  return { updatedAt: updatedAtOf(answer), flags: byName(list.parse(requireOk(answer).body)) }
}

export interface SeenIdentity extends SeenFlags {
  readonly identifier: string
  readonly traits: Readonly<Record<string, unknown>>
}

/** What `POST identities/` answers, held to the contract. */
export async function identify(server: TestServer, key: string, body: object): Promise<SeenIdentity> {
  const answer = await server.send('POST', '/api/v1/identities/', { headers: { 'x-environment-key': key }, body })
  const { identifier, traits, flags } = sdkEndpoints.identify.reply.parse(requireOk(answer).body)
  return {
    identifier,
    traits: Object.fromEntries(traits.map((trait) => [trait.trait_key, trait.trait_value])),
    updatedAt: updatedAtOf(answer),
    flags: byName(flags),
  }
}

function requireOk(answer: Answer): Answer {
  if (answer.status !== 200) throw new Error(`An SDK was answered ${answer.status}: ${answer.text}`)
  return answer
}

const updatedAtOf = ({ headers }: Answer) => Number.parseFloat(headers.get('x-flagsmith-document-updated-at') ?? '')

function byName(flags: z.output<typeof list>): Record<string, SeenFlag> {
  return Object.fromEntries(
    flags.map(({ feature, enabled, feature_state_value: value, variant }) => [
      feature.name,
      variant === undefined ? { enabled, value } : { enabled, value, variant },
    ]),
  )
}
