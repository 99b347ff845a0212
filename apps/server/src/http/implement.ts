import type { Endpoint, Reply, Resource } from '@halyard/contract'
import type { FileReply } from './file-reply.ts'
import type { Input } from './input.ts'

export type Handler<E extends Endpoint> = (input: Input<E>) => Promise<Answer<E>>

type Answer<E extends Endpoint> = E extends { file: true } ? FileReply : [Reply<E>] extends [undefined] ? void : Reply<E>

/** An endpoint with the function that answers it, ready to be mounted. */
export interface Route {
  readonly endpoint: Endpoint
  // A method, not a property: parameters of methods may be narrower, which is what lets handlers of all endpoints share a list.
  answer(input: unknown): Promise<unknown>
}

/** Binds the endpoints of a noun to their handlers; a missing handler, or one of the wrong shape, does not compile. */
export function implement<const R extends Resource>(resource: R, handlers: { readonly [Name in keyof R]: Handler<R[Name]> }): Route[] {
  const names: (keyof R)[] = Object.keys(resource)
  return names.map((name) => bind(resource[name], handlers[name]))
}

function bind<E extends Endpoint>(endpoint: E, handler: Handler<E>): Route {
  return { endpoint, answer: (input: Input<E>) => handler(input) }
}
