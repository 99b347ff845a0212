import { Problem } from '@halyard/contract'
import { JSONParser } from '@streamparser/json'
import type { Readable } from 'node:stream'

/** Where identities stand in an export: the places of their project and environment in its lists. */
export interface Place {
  readonly project: number
  readonly environment: number
}

export interface UploadOptions {
  readonly megabytesMax: number
  /** Called with identities as they come; what follows is read when it resolves. */
  readonly onIdentities: (place: Place, identities: unknown[]) => Promise<void>
}

const identitiesAtOnce = 500
const depthMax = 64

/** Parses an export as it arrives, and answers with all of it but the identities, of which there may be more than memory holds. */
export async function readUpload(upload: Readable, { megabytesMax, onIdentities }: UploadOptions): Promise<unknown> {
  const parser = new JSONParser({ paths: ['$', '$.projects.*.environments.*.identities.*'] })
  const waiting = new Map<string, { place: Place; identities: unknown[] }>()
  let file: unknown
  let bytes = 0
  parser.onValue = ({ value, parent, stack }) => {
    if (stack.length === 0) file = value
    else if (Array.isArray(parent)) {
      // Kept by nobody else: the list stays empty.
      parent.length = 0
      const place = { project: Number(stack[2]?.key), environment: Number(stack[4]?.key) }
      const key = `${place.project} ${place.environment}`
      const group = waiting.get(key) ?? { place, identities: [] }
      group.identities.push(value)
      waiting.set(key, group)
    }
  }
  const drain = async (least: number) => {
    for (const [key, { place, identities }] of waiting) {
      if (identities.length < least) continue
      waiting.delete(key)
      for (let start = 0; start < identities.length; start += identitiesAtOnce)
        await onIdentities(place, identities.slice(start, start + identitiesAtOnce))
    }
  }
  const depth = new DepthMeter()
  for await (const chunk of upload) {
    const read = Buffer.from(chunk)
    bytes += read.length
    if (bytes > megabytesMax * 1024 * 1024) throw tooLarge(megabytesMax)
    if (depth.deepest(read) > depthMax) throw new Problem('malformed', `JSON parse error - nested more than ${depthMax} levels deep.`)
    parse(() => parser.write(read))
    await drain(identitiesAtOnce)
  }
  if (!parser.isEnded) parse(() => parser.end())
  if (!parser.isEnded || file === undefined) throw new Problem('malformed', 'JSON parse error - the file ends before it is complete.')
  await drain(1)
  return file
}

const tooLarge = (megabytes: number) =>
  new Problem('too_large', `The file is larger than ${megabytes} MB. Leave identities out, or raise IMPORT_MEGABYTES_MAX.`)

function parse(work: () => void): void {
  try {
    work()
  } catch (error) {
    throw new Problem('malformed', `JSON parse error - ${error instanceof Error ? error.message : 'not JSON'}`)
  }
}

const [quote, backslash, openList, openObject, closeList, closeObject] = Buffer.from('"\\[{]}')

/** How deep JSON is nested, from its bytes: before anything is built that deep. */
class DepthMeter {
  #depth = 0
  #inText = false
  #escaped = false

  deepest(chunk: Buffer): number {
    let deepest = this.#depth
    for (const byte of chunk) {
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false
        else if (byte === backslash) this.#escaped = true
        else if (byte === quote) this.#inText = false
      } else if (byte === quote) this.#inText = true
      else if (byte === openList || byte === openObject) deepest = Math.max(deepest, ++this.#depth)
      else if (byte === closeList || byte === closeObject) this.#depth -= 1
    }
    return deepest
  }
}
