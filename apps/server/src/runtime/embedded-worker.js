// PGlite in a thread of its own: on the main thread its promises starve the event loop. JavaScript, because the hooks that
// load TypeScript (tsx, Vitest) do not reach worker threads on Node 20; it is type-checked all the same.
import { PGlite } from '@electric-sql/pglite'
import { parentPort, workerData } from 'node:worker_threads'

/**
 * @typedef {{ dataDir: string | undefined, snapshot: Uint8Array<ArrayBuffer> | undefined }} EmbeddedWorkerData
 * @typedef {{ id: number, kind: 'execute', bytes: Uint8Array } | { id: number, kind: 'dump' | 'close' }} EmbeddedRequest
 * @typedef {{ id: number, bytes: Uint8Array<ArrayBuffer> } | { id: number, failure: string } | { crashed: string }} EmbeddedReply
 */

// The code PGlite's build of PostgreSQL leaves its main loop with to report an ordinary SQL error.
const ordinaryError = 100

if (parentPort === null) throw new Error('embedded-worker.js runs as a worker thread of the server only.')
const port = parentPort

/** @type {EmbeddedWorkerData} */
const { dataDir, snapshot } = workerData
/** @type {string[]} */
const complaints = []
const pglite = await PGlite.create({
  ...(dataDir === undefined ? {} : { dataDir }),
  ...(snapshot === undefined ? {} : { loadDataDir: new Blob([snapshot]) }),
  // 128 MB of buffers inside a process that also has the file system's cache cost 125 MB of memory and win nothing.
  startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'],
  onStderr: keepComplaint,
}).catch((/** @type {unknown} */ error) => {
  throw new Error([String(error), ...complaints].join(' '))
})
leaveOnFault()

/**
 * What PostgreSQL writes to its log says why it does not start.
 * @param {string} line
 */
function keepComplaint(line) {
  if (complaints.length < 10 && /FATAL|PANIC|DETAIL|HINT/.test(line)) complaints.push(line)
  return true
}

/** @param {EmbeddedReply} reply */
function answer(reply) {
  port.postMessage(reply, 'bytes' in reply ? [reply.bytes.buffer] : [])
}

/**
 * PGlite's main loop swallows faults of the WebAssembly machine (memory out of bounds, no stack left) and goes on with a broken
 * heap, or for ever. Stopping at once is the same as `kill -9`, which the write-ahead log survives; the server starts another.
 */
function leaveOnFault() {
  const { Module: module } = pglite
  // oxlint-disable no-underscore-dangle -- the name is PGlite's
  const runOnce = module._PostgresMainLoopOnce
  module._PostgresMainLoopOnce = () => {
    try {
      runOnce()
    } catch (error) {
      const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
      if (status !== ordinaryError) {
        leave(error)
      }
      throw error
    }
  }
}

/** @param {unknown} fault */
function leave(fault) {
  answer({ crashed: fault instanceof Error ? fault.message : JSON.stringify(fault) })
  process.exit(1)
}

/**
 * The streaming call, because the plain one parses and keeps every message it ever answered.
 * @param {Uint8Array} request
 */
async function execute(request) {
  /** @type {Uint8Array[]} */
  const chunks = []
  // SQL errors are answered, not thrown: what is thrown (PostgreSQL ended) leaves an engine that answers nothing, silently.
  await pglite.execProtocolRawStream(request, { onRawData: (bytes) => void chunks.push(bytes.slice()) }).catch(leave)
  const reply = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    reply.set(chunk, offset)
    offset += chunk.length
  }
  return reply
}

/** @param {EmbeddedRequest} request */
async function perform(request) {
  if (request.kind === 'execute') return execute(request.bytes)
  if (request.kind === 'dump') return new Uint8Array(await (await pglite.dumpDataDir('gzip')).arrayBuffer())
  await pglite.close()
  return new Uint8Array(0)
}

port.on('message', (/** @type {EmbeddedRequest} */ request) => {
  perform(request).then(
    (bytes) => answer({ id: request.id, bytes }),
    (/** @type {unknown} */ error) => answer({ id: request.id, failure: String(error) }),
  )
})
answer({ id: 0, bytes: new Uint8Array(0) })
