import type { CompiledEnvironment, TraitValue } from '@halyard/engine'

/** One environment at one revision, ready to answer. Never changes; a newer revision is another snapshot. */
export interface EnvironmentSnapshot {
  readonly environmentId: number
  /** Raised when history may have been cut (a restore, a promoted standby): (epoch, revision) only ever grows. */
  readonly epoch: number
  readonly revision: number
  /** When the document last changed; milliseconds are all the precision there is. */
  readonly updatedAt: Date
  /** The change before that; undefined for the first. Decides whether a whole-second `If-Modified-Since` can be trusted. */
  readonly previousUpdatedAt: Date | undefined
  /** The last change that SDK streams are told of: identity overrides are not among them. At most `updatedAt`. */
  readonly streamedAt: Date
  /** The client-side key that opens it now. The document's key may be an older one: it is what percentages are hashed with. */
  readonly clientKey: string
  /** With identity overrides, whatever the setting for local evaluation says; the document sent to SDKs is a presentation of it. */
  readonly compiled: CompiledEnvironment
}

/** What a valid key opens. Server-side keys begin with `ser.` and see more. */
export interface OpenedEnvironment {
  readonly snapshot: EnvironmentSnapshot
  readonly audience: Audience
}

export type Audience = 'client' | 'server'

/** Traits to keep, null to forget; undefined for the whole when the identity is only looked at. */
export interface IdentitySighting {
  readonly identifier: string
  /** `persist` makes the identity if needed and writes what changed; `read` touches nothing. */
  readonly mode: 'persist' | 'read'
  readonly traits: ReadonlyMap<string, TraitValue>
}

export interface RememberedIdentity {
  /** Whether the identity was known before. */
  readonly existed: boolean
  /** What is stored now, in the order the wire shows it (stored first, then new). Never null values. */
  readonly traits: ReadonlyMap<string, Exclude<TraitValue, null>>
  /** True when the store could not be reached: `traits` are then the last known ones and nothing was kept. */
  readonly degraded: boolean
}

export interface RequestLabels {
  readonly userAgent: string | undefined
  readonly applicationName: string | undefined
  readonly applicationVersion: string | undefined
}

export type CountedResource = 'flags' | 'identities' | 'traits' | 'environment-document'

export interface EvaluationCount {
  readonly featureName: string
  readonly count: number
  readonly enabled: boolean | undefined
  readonly identifier: string | undefined
}

export interface SdkEvent {
  readonly event: string
  readonly featureName: string | null
  readonly identifier: string | null
  readonly value: unknown
  readonly traits: unknown
  readonly metadata: unknown
  readonly timestamp: Date
}

/** What server and edge each supply; everything else about the SDK API is the same code. */
export interface SdkApiPorts {
  /** Synchronous when the environment is held in memory. Undefined for unknown, inactive and expired keys. */
  findEnvironment(key: string): OpenedEnvironment | undefined | Promise<OpenedEnvironment | undefined>
  rememberIdentity(snapshot: EnvironmentSnapshot, sighting: IdentitySighting): Promise<RememberedIdentity>
  /** Adds to an integer trait in one atomic step, from 0 when it is absent; `not-an-integer` changes nothing. */
  incrementTrait(snapshot: EnvironmentSnapshot, identifier: string, key: string, by: number): Promise<number | 'not-an-integer'>
  /** Adds to counters in memory; never waits and never throws. */
  countRequest(snapshot: EnvironmentSnapshot, resource: CountedResource, labels: RequestLabels): void
  /** Adds to counters in memory; never waits and never throws. Unknown features have been left out. */
  countEvaluations(snapshot: EnvironmentSnapshot, counts: readonly EvaluationCount[], labels: RequestLabels): void
  /** Resolves when the events are stored. */
  recordEvents(snapshot: EnvironmentSnapshot, events: readonly SdkEvent[]): Promise<void>
  /** A secret of this installation, for tokens that must stay the same across restarts. */
  readonly secret: string
  /** Shown in the header `Flagsmith-Version` of every reply. */
  readonly version: string
  now(): Date
}
