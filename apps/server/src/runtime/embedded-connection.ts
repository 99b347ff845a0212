import { Duplex } from 'node:stream'

/** What a connection needs of the engine: bytes of the wire protocol in, bytes out, in order. */
export interface ProtocolEngine {
  execute(request: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
  /** The connection that has the only session; a newer one takes it over. */
  owner: EmbeddedConnection | undefined
}

const sslRequestCode = 80_877_103
const cancelRequestCode = 80_877_102
const typeBytes = 1
const lengthBytes = 4

// PostgreSQL answers at these messages (query, sync, function call, flush, copy done, copy failed); the ones between only add up.
const answered = new Set(Buffer.from('QSFHcf'))
const terminate = 'X'.charCodeAt(0)

/** A socket, as far as `pg` can tell, whose other end is the embedded database. */
export class EmbeddedConnection extends Duplex {
  readonly #engine: ProtocolEngine
  #unsent: Buffer = Buffer.alloc(0)
  #started = false

  constructor(engine: ProtocolEngine) {
    super()
    this.#engine = engine
  }

  connect() {
    process.nextTick(() => this.emit('connect'))
    return this
  }

  // What `pg` calls on a socket and a thread has no use for.
  setNoDelay() {
    return this
  }

  setKeepAlive() {
    return this
  }

  ref() {
    return this
  }

  unref() {
    return this
  }

  override _read() {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void) {
    this.#receive(chunk)
    done()
  }

  override _writev(writes: Array<{ chunk: Buffer }>, done: () => void) {
    this.#receive(Buffer.concat(writes.map((write) => write.chunk)))
    done()
  }

  override _final(done: () => void) {
    this.push(null)
    done()
  }

  #receive(chunk: Buffer) {
    this.#unsent = this.#unsent.length === 0 ? chunk : Buffer.concat([this.#unsent, chunk])
    if (!this.#started) this.#start()
    if (!this.#started) return
    const length = answerableLength(this.#unsent)
    if (length === 0) return
    if (this.#engine.owner !== this) {
      this.destroy(new Error('Connection terminated: a newer connection took over the session of the embedded database.'))
      return
    }
    void this.#send(this.#take(length))
  }

  #start() {
    while (this.#unsent.length >= 2 * lengthBytes) {
      const length = this.#unsent.readInt32BE(0)
      if (this.#unsent.length < length) return
      const packet = this.#take(length)
      const code = packet.readInt32BE(lengthBytes)
      if (code === cancelRequestCode) return
      if (code === sslRequestCode) {
        this.push('N')
        continue
      }
      this.#started = true
      this.#takeOver(packet)
      return
    }
  }

  /** PGlite is one session, whoever had it before: end what was left open before the new connection is greeted. */
  #takeOver(startupPacket: Buffer) {
    this.#engine.owner = this
    const reset = Buffer.concat([simpleQuery('ROLLBACK'), simpleQuery('DISCARD ALL')])
    this.#engine.execute(owned(reset)).catch((error: Error) => this.destroy(error))
    void this.#send(startupPacket)
  }

  async #send(request: Buffer) {
    try {
      const reply = await this.#engine.execute(owned(request))
      if (!this.destroyed && !this.readableEnded) this.push(reply)
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #take(length: number): Buffer {
    const taken = this.#unsent.subarray(0, length)
    this.#unsent = this.#unsent.subarray(length)
    return taken
  }
}

/** The bytes up to the last complete message that PostgreSQL answers; less would leave it waiting in the middle of a message. */
function answerableLength(bytes: Buffer): number {
  let answerable = 0
  let offset = 0
  while (offset + typeBytes + lengthBytes <= bytes.length) {
    const type = bytes.readUInt8(offset)
    offset += typeBytes + bytes.readInt32BE(offset + typeBytes)
    if (offset > bytes.length || type === terminate) break
    if (answered.has(type)) answerable = offset
  }
  return answerable
}

function simpleQuery(text: string): Buffer {
  const message = Buffer.alloc(typeBytes + lengthBytes + Buffer.byteLength(text) + 1)
  message.write('Q', 0)
  message.writeInt32BE(message.length - typeBytes, typeBytes)
  message.write(text, typeBytes + lengthBytes)
  return message
}

/** A copy with a buffer of its own: the request is moved to the thread, and `pg` cuts its messages from shared buffers. */
function owned(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes.length)
  copy.set(bytes)
  return copy
}
