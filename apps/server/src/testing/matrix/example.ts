import type { CallInput } from '@halyard/client'
import type { Endpoint, Resource } from '@halyard/contract'
import type { Fixture } from './fixture.ts'

/** Sent by the administrator of the fixture unless it says by whom. */
export type Example<E extends Endpoint> = (at: Fixture) => Promise<CallInput<E> & { readonly authorization?: string }>

/** For each endpoint of a noun a request that succeeds once, because it makes what it needs anew. */
export type ExamplesOf<R extends Resource> = { readonly [Name in keyof R]: Example<R[Name]> }
