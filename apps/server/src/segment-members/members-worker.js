// Evaluates in a thread of its own, so that counting the members of a segment holds up no request. JavaScript, because the hooks that
// load TypeScript (tsx, Vitest) do not reach worker threads on Node 20; it is type-checked all the same.
import { compile } from '@halyard/engine'
import { parentPort } from 'node:worker_threads'

/**
 * @typedef {{ id: number, segment: string, identities: string }} MembersRequest `segment` and `identities` are JSON: see `queries.ts`.
 * @typedef {{ id: number, members: { id: number, identifier: string }[] } | { id: number, failure: string }} MembersReply
 */

if (parentPort === null) throw new Error('members-worker.js runs as a worker thread of the server only.')
const port = parentPort

const keptMax = 8
/** @type {Map<string, { compiled: import('@halyard/engine').CompiledEnvironment, segmentId: number }>} */
const kept = new Map()

/** @param {string} segment */
function open(segment) {
  const known = kept.get(segment)
  if (known) return known
  /** @type {import('@halyard/engine').EnvironmentDocument} */
  const document = JSON.parse(segment)
  const opened = { compiled: compile(document), segmentId: document.project.segments[0]?.id ?? 0 }
  const [oldest] = kept.keys()
  if (kept.size >= keptMax && oldest !== undefined) kept.delete(oldest)
  kept.set(segment, opened)
  return opened
}

/** @param {MembersRequest} request */
function findMembers({ segment, identities }) {
  const { compiled, segmentId } = open(segment)
  const isComposite = compiled.document.use_identity_composite_key_for_hashing
  /** @type {[number, string, Record<string, import('@halyard/engine').TraitValue>][]} */
  const rows = JSON.parse(identities)
  return rows.flatMap(([id, identifier, stored]) => {
    // A null is a trait that was forgotten.
    const traits = new Map(Object.entries(stored).filter(([, value]) => value !== null))
    const identity = isComposite ? { identifier, traits } : { identifier, key: String(id), traits }
    return compiled.isInSegment(identity, segmentId) ? [{ id, identifier }] : []
  })
}

port.on('message', (/** @type {MembersRequest} */ request) => {
  try {
    port.postMessage({ id: request.id, members: findMembers(request) })
  } catch (error) {
    port.postMessage({ id: request.id, failure: String(error) })
  }
})
