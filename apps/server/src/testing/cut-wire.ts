import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface CutWire {
  /** The database's address, through the wire. */
  readonly url: string
  /** Ends every connection and refuses new ones. */
  cut(): void
  /** Lets connections stand, and no byte through any of them: what a firewall does that forgot them. */
  swallow(): void
  mend(): void
  close(): Promise<void>
}

/** A TCP relay to a database that can be cut, for tests of what happens then. */
export async function startCutWire(database: URL): Promise<CutWire> {
  const ends = new Set<Socket>()
  let isCut = false
  let isSwallowing = false
  const relay = createServer((near) => {
    if (isCut) {
      near.resetAndDestroy()
      return
    }
    const far = connect(Number(database.port || 5432), database.hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        ends.delete(one)
        other.destroy()
      })
      one.on('data', (bytes) => {
        if (!isSwallowing) other.write(bytes)
      })
      one.on('end', () => other.end())
    }
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const address = relay.address()
  const url = new URL(database)
  url.host = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  return {
    url: url.href,
    cut() {
      isCut = true
      for (const end of ends) end.destroy()
    },
    swallow() {
      isSwallowing = true
    },
    mend() {
      isCut = false
      isSwallowing = false
    },
    async close() {
      for (const end of ends) end.destroy()
      relay.close()
      await once(relay, 'close')
    },
  }
}
