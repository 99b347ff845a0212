import { Worker } from 'node:worker_threads'
import type { MembersReply, MembersRequest } from './members-worker.js'

export interface Member {
  readonly id: number
  readonly identifier: string
}

export interface MembersThread {
  /** Who of some identities is in a segment; both as JSON, which is cheap to hand over. */
  findMembers(segment: string, identities: string): Promise<readonly Member[]>
  close(): Promise<void>
}

interface Waiting {
  resolve(members: readonly Member[]): void
  reject(error: Error): void
}

/** The thread starts when it is first needed, and again if it should end. */
export function createMembersThread(): MembersThread {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let lastId = 0
  function start(): Worker {
    // Without the flags of this process: a TypeScript loader would be loaded once more for a thread that has no TypeScript.
    const started = new Worker(new URL('./members-worker.js', import.meta.url), { execArgv: [] })
    let reason = 'its thread ended'
    // It must not keep a process from ending.
    started.unref()
    started.on('error', (error: Error) => (reason = error.message))
    started.on('exit', () => {
      if (worker === started) worker = undefined
      for (const request of waiting.values()) request.reject(new Error(`Members could not be found: ${reason}.`))
      waiting.clear()
    })
    started.on('message', (reply: MembersReply) => {
      const request = waiting.get(reply.id)
      waiting.delete(reply.id)
      if ('failure' in reply) request?.reject(new Error(`Members could not be found: ${reply.failure}`))
      else request?.resolve(reply.members)
    })
    return started
  }
  return {
    findMembers(segment, identities) {
      worker ??= start()
      const request: MembersRequest = { id: (lastId += 1), segment, identities }
      const reply = new Promise<readonly Member[]>((resolve, reject) => waiting.set(request.id, { resolve, reject }))
      worker.postMessage(request, [])
      return reply
    },
    async close() {
      await worker?.terminate()
    },
  }
}
