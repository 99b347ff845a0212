import { block, digest, keep, mixBlock } from './md5-rounds.ts'

// Evaluation is synchronous, so one set of buffers serves everybody and hashing allocates nothing.
let length = 0

/**
 * Begins an MD5; `appendText` adds to it and `finishHash` ends it. MD5 spreads identities evenly here; it protects nothing.
 */
export function startHash(): void {
  keep(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476)
  length = 0
}

/** Adds the text as UTF-8; a lone surrogate counts as U+FFFD. */
export function appendText(text: string): void {
  let at = length & 63
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit >= 0x80) {
      length += index
      appendBeyondAscii(text, index)
      return
    }
    block.setUint8(at++, unit)
    if (at < 64) continue
    mixBlock()
    at = 0
  }
  length += text.length
}

// Four bytes are read at once, so a few stand beyond the longest.
const longestRemembered = 252
const rememberedBytes = new DataView(new ArrayBuffer(longestRemembered + 4))
let remembered = ''
let rememberedPrefix = ''

/**
 * Adds two texts that are likely to be the same as the last time, as the key of an identity is while all of its flags are
 * evaluated: they are then not encoded again.
 */
export function appendAgain(prefix: string, text: string): void {
  const isRemembered = (text === remembered && prefix === rememberedPrefix) || remember(prefix, text)
  if (isRemembered) return appendRemembered()
  appendText(prefix)
  appendText(text)
}

function appendRemembered(): void {
  const count = rememberedPrefix.length + remembered.length
  let at = length & 63
  for (let from = 0; from < count; from += 4) {
    block.setInt32(at, rememberedBytes.getInt32(from, true), true)
    // What is written beyond the end of the text is overwritten by whatever comes next.
    at += Math.min(4, count - from)
    if (at < 64) continue
    mixBlock()
    at -= 64
    block.setInt32(0, block.getInt32(64, true), true)
  }
  length += count
}

function remember(prefix: string, text: string): boolean {
  if (prefix.length + text.length > longestRemembered) return false
  const isAscii = encodeAscii(prefix, 0) && encodeAscii(text, prefix.length)
  rememberedPrefix = isAscii ? prefix : ''
  remembered = isAscii ? text : ''
  return isAscii
}

function encodeAscii(text: string, start: number): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit >= 0x80) return false
    rememberedBytes.setUint8(start + index, unit)
  }
  return true
}

/** One word (0 to 3) of the finished digest; the first holds the leading eight hexadecimal digits. */
export function hashedWord(index: number): number {
  return digest.getUint32(index * 4)
}

export function finishHash(): void {
  const bits = length * 8
  appendByte(0x80)
  // The length takes the last eight bytes; without room for it, it goes into a block of its own.
  if ((length & 63) > 56) {
    clear(length & 63, 64)
    length = 0
    mixBlock()
  }
  clear(length & 63, 56)
  block.setUint32(56, bits, true)
  block.setUint32(60, bits / 4294967296, true)
  mixBlock()
}

/** Up to three bytes more are cleared, which nobody has filled yet. */
function clear(from: number, to: number): void {
  for (let at = from; at < to; at += 4) block.setInt32(at, 0)
}

function appendBeyondAscii(text: string, start: number): void {
  for (let index = start; index < text.length; index++) {
    const point = text.codePointAt(index) ?? 0
    if (point >= 0x10000) index++
    appendPoint(isSurrogate(point) ? 0xfffd : point)
  }
}

function appendPoint(point: number): void {
  if (point < 0x80) return appendByte(point)
  const bytesAfterFirst = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3
  appendByte(((0xff00 >> (bytesAfterFirst + 1)) & 0xff) | (point >> (6 * bytesAfterFirst)))
  for (let rest = bytesAfterFirst - 1; rest >= 0; rest--) appendByte(0x80 | ((point >> (6 * rest)) & 0x3f))
}

function isSurrogate(point: number): boolean {
  return point >= 0xd800 && point <= 0xdfff
}

function appendByte(byte: number): void {
  block.setUint8(length & 63, byte)
  length++
  if ((length & 63) === 0) mixBlock()
}
