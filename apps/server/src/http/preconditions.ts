import { Problem } from '@halyard/contract'
import { createHash } from 'node:crypto'
import { RecentlyUsed } from '../runtime/recently-used.ts'
import type { Route } from './implement.ts'

/**
 * Entity tags of single resources: whatever is read and written at one path. A tag is a hash of what reading answers, so it changes
 * with what the caller sees of it.
 */
export class Preconditions {
  readonly #readers: ReadonlyMap<string, Route>
  // What callers may have based a write on, to show it beside what is there now.
  readonly #seen = new RecentlyUsed<string>({ entriesMax: 2000, sizeMax: 8 * 1024 * 1024, sizeOf: (key, text) => key.length + text.length })

  constructor(routes: readonly Route[]) {
    const written = new Set(routes.filter(({ endpoint }) => ['PUT', 'PATCH', 'DELETE'].includes(endpoint.method)).map(pathOf))
    const readers = routes.filter(({ endpoint }) => endpoint.method === 'GET' && !endpoint.file && written.has(endpoint.path))
    this.#readers = new Map(readers.map((route) => [pathOf(route), route]))
  }

  /** What reads the resource that a route reads or writes; undefined for what has no tag. */
  readerOf = (route: Route): Route | undefined => this.#readers.get(pathOf(route))

  /** The tag of a representation, remembered for whoever comes back with it. */
  tag(caller: string, representation: unknown): string {
    const text = JSON.stringify(representation)
    const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
    this.#seen.set(`${caller} ${tag}`, text)
    return tag
  }

  /** Refuses a write whose `If-Match` names nothing that is there now, and shows both: what it was based on, if known, and what is there. */
  refuseStale(caller: string, ifMatch: string, current: unknown): void {
    const wanted = ifMatch.split(',').map((tag) => tag.trim())
    const tag = this.tag(caller, current)
    if (wanted.includes('*') || wanted.includes(tag)) return
    const [based = ''] = wanted
    const seen = this.#seen.get(`${caller} ${based}`)
    const detail = 'It has changed since you read it. Look at what it is now, and send your change again with its ETag in If-Match.'
    const yours = { etag: based, representation: seen === undefined ? null : parseJson(seen) }
    throw new Problem('precondition_failed', detail, {
      body: { detail, yours, current: { etag: tag, representation: current } },
      headers: { etag: tag },
    })
  }
}

const pathOf = ({ endpoint }: Route): string => endpoint.path

function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  return value
}
