import { fillPath } from '@halyard/client'
import { api, type Endpoint } from '@halyard/contract'
import type { Answer } from '../start-server.ts'
import * as access from './access-examples.ts'
import type { ExamplesOf } from './example.ts'
import type { Fixture } from './fixture.ts'
import { deletions } from './deletion-examples.ts'
import { featureFiles } from './feature-file-examples.ts'
import { featureSegments, featureStates, features, segmentMembers, segments, valueSchemas, variants } from './flag-examples.ts'
import { explanations, identities, identityOverrides, identityTraits, personalData } from './identity-examples.ts'
import { flagUpdates, manyFlags, wholeFlags } from './flag-update-examples.ts'
import { audit, environmentWebhooks, organisationWebhooks, webhookTests } from './record-examples.ts'
import { featureVersions, scheduledChanges, versioning, versionStates } from './version-examples.ts'
import { staleFeatures, usage } from './usage-examples.ts'
import * as invitations from './invite-examples.ts'
import { passwords, personalTokens, secondFactors, sessions, users } from './people-examples.ts'
import {
  environmentApiKeys,
  environmentDocument,
  environments,
  masterApiKeys,
  members,
  organisations,
  projects,
  tags,
  trustRelationships,
} from './tenancy-examples.ts'
import { transfers } from './transfer-examples.ts'

export interface Request {
  readonly params?: Readonly<Record<string, string | number>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  readonly authorization?: string
}

/** An endpoint under the name that tests show, with a request that it accepts once. */
export interface Listed {
  readonly name: string
  readonly endpoint: Endpoint
  readonly example: (at: Fixture) => Promise<Request>
}

// A noun or an endpoint that is missing here does not compile.
const typedExamples: { readonly [Noun in keyof typeof api]: ExamplesOf<(typeof api)[Noun]> } = {
  users,
  passwords,
  secondFactors,
  sessions,
  personalTokens,
  organisations,
  members,
  masterApiKeys,
  trustRelationships,
  ...access,
  ...invitations,
  projects,
  environments,
  environmentApiKeys,
  environmentDocument,
  tags,
  features,
  variants,
  valueSchemas,
  featureStates,
  segments,
  featureSegments,
  featureVersions,
  versionStates,
  scheduledChanges,
  versioning,
  flagUpdates,
  wholeFlags,
  manyFlags,
  identities,
  identityTraits,
  identityOverrides,
  personalData,
  explanations,
  segmentMembers,
  audit,
  environmentWebhooks,
  organisationWebhooks,
  webhookTests,
  usage,
  staleFeatures,
  transfers,
  featureFiles,
  deletions,
}

const examples: Readonly<Record<string, Readonly<Record<string, Listed['example']>>>> = typedExamples

export const everyEndpoint: readonly Listed[] = Object.entries(api).flatMap(([noun, endpoints]) =>
  Object.entries<Endpoint>(endpoints).map(([name, endpoint]) => {
    const example = examples[noun]?.[name]
    if (!example) throw new Error(`There is no example of ${noun}.${name}.`)
    return { name: `${noun}.${name}`, endpoint, example }
  }),
)

export const isRead = ({ method, reads }: Endpoint): boolean => method === 'GET' || reads === true

/** Whether what it works within belongs to an organisation. */
export const isOfTenant = ({ scope }: Endpoint): boolean => 'from' in scope

export const parametersOf = ({ path }: Endpoint): string[] => [...path.matchAll(/:([a-z_]+)/g)].map(([, name = '']) => name)

/** Where a request goes. What is in `raw` stands in the path as it is, not encoded. */
export function addressOf(endpoint: Endpoint, { params = {}, query = {} }: Request, raw: Readonly<Record<string, string>> = {}): string {
  const path = Object.entries(raw).reduce((path, [name, text]) => path.replace(`/:${name}/`, `/${text}/`), endpoint.path)
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) search.set(name, String(value))
  return search.size === 0 ? fillPath(path, params) : `${fillPath(path, params)}?${search.toString()}`
}

/** Sends a request in somebody's name; undefined: in nobody's. */
export const send = ({ server }: Fixture, { endpoint }: Listed, request: Request, authorization: string | undefined): Promise<Answer> =>
  server.send(endpoint.method, addressOf(endpoint, request), { authorization, ...(request.body !== undefined && { body: request.body }) })

/** One example for each fixture, for requests that are refused and therefore leave it as it is. */
export function keepExamples(): (at: Fixture, listed: Listed) => Promise<Request> {
  const kept = new Map<Fixture, Map<string, Promise<Request>>>()
  return (at, { name, example }) => {
    const ofFixture = kept.get(at) ?? new Map<string, Promise<Request>>()
    const request = ofFixture.get(name) ?? example(at)
    kept.set(at, ofFixture.set(name, request))
    return request
  }
}
