import { changes as changeKinds, type Endpoint } from '@halyard/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { system, type Actor } from '../access/actor.ts'
import type { Queryable, ScopeRows } from '../access/rows.ts'
import { runEdit, type Edit, type EditLock, type Origin } from '../changes/edit.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { AnsweredBefore, keepReply, readKeyedRequest, takeKey, type KeyedRequest } from './idempotency.ts'
import type { Route } from './implement.ts'
import type { InEdit } from './input.ts'
import { parse } from './parse-input.ts'
import type { Preconditions } from './preconditions.ts'

/** What the process does between a commit and the reply: makes what was written readable here. */
export type AfterCommit = (raised: ReadonlyMap<number, number>) => Promise<void>

/** What answering takes, whatever is asked. */
export interface Means {
  readonly runtime: Runtime
  readonly preconditions: Preconditions
  readonly afterCommit: AfterCommit
}

interface Write {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** What handlers are given, but the means to read or write. */
  readonly read: { readonly actor: Actor | undefined; readonly origin: Origin }
  readonly rows: ScopeRows
  readonly query: unknown
}

/** Writes in one edit, unless what the caller based it on is not there any more, or it was done before. */
export async function answerWrite({ runtime, preconditions, afterCommit }: Means, route: Route, write: Write): Promise<unknown> {
  const { endpoint } = route
  const { request, reply, read, rows } = write
  const { actor, origin } = read
  const caller = callerOf(actor)
  const reader = preconditions.readerOf(route)
  const keyed = actor && keyedRequestOf(endpoint, request, caller)
  let isBegun = false

  const ifMatch = request.headers['if-match']
  const readNow = async (db: Queryable) => {
    const query = reader?.endpoint.query && parse(reader.endpoint.query, write.query)
    return reader?.answer({ ...read, query, body: undefined, db })
  }
  const refuseStale = async (db: Queryable) => {
    if (reader && ifMatch !== undefined) preconditions.refuseStale(caller, ifMatch, await readNow(db))
  }

  async function begin({ tx }: Edit): Promise<void> {
    if (isBegun) return
    isBegun = true
    if (keyed) await takeKey(tx, keyed, runtime.config)
    if (!endpoint.edits) await refuseStale(tx)
  }

  const inEdit: InEdit = async (work, lock = lockOf(endpoint, rows)) => {
    const { done, raised } = await runEdit(runtime.control, { actor: actor ?? system('anonymous'), lock, origin }, async (edit) => {
      await begin(edit)
      return work(edit)
    })
    await afterCommit(raised)
    return done
  }
  const keep = async (db: Queryable, answer: unknown) => {
    if (keyed && isBegun) await keepReply(db, keyed, { keys: runtime.config, reply: answer })
    return answer
  }

  async function answerInEdit(edit: Edit): Promise<unknown> {
    const answer = await keep(edit.tx, await route.answer({ ...read, edit }))
    // Who sent a tag goes on from the next one; where replies of writes differ from what is read, it takes reading.
    if (reader && endpoint.method !== 'DELETE' && (ifMatch !== undefined || endpoint.reply === reader.endpoint.reply))
      reply.header('etag', preconditions.tag(caller, endpoint.reply === reader.endpoint.reply ? answer : await readNow(edit.tx)))
    return answer
  }

  try {
    if (!endpoint.edits) return await inEdit(answerInEdit)
    // What it writes is not all in one transaction, and neither is this.
    await refuseStale(runtime.control.db)
    return await keep(runtime.control.db, await route.answer({ ...read, db: runtime.control.db, inEdit }))
  } catch (error) {
    if (!(error instanceof AnsweredBefore)) throw error
    reply.header('idempotency-replayed', 'true')
    return error.reply
  }
}

/** Who asks, as tags and idempotency keys tell people and keys apart. */
export const callerOf = (actor: Actor | undefined): string => (actor && actor.kind !== 'system' ? `${actor.kind} ${actor.id}` : 'anybody')

// Of those who are not signed in there is no telling whose a key is.
function keyedRequestOf(endpoint: Endpoint, request: FastifyRequest, caller: string): KeyedRequest | undefined {
  const key = request.headers['idempotency-key']
  if (endpoint.method !== 'POST' || endpoint.upload || typeof key !== 'string') return undefined
  return readKeyedRequest(caller, key, { method: request.method, url: request.url, body: request.body })
}

function lockOf(endpoint: Endpoint, rows: ScopeRows): EditLock {
  if (rows.project) return { on: 'project', id: rows.project.id }
  if (!rows.organisation) return { on: 'nothing' }
  const withProjects = endpoint.records?.some((type) => changeKinds[type].touches === 'document') ?? false
  return { on: 'organisation', id: rows.organisation.id, withProjects }
}
