/** The 64 bytes being mixed, as little-endian words whatever the machine, and four more, so that a word may begin at the last. */
export const block = new DataView(new ArrayBuffer(68))
/** The digest so far. */
export const digest = new DataView(new ArrayBuffer(16))

/**
 * Mixes `block` into `digest`: RFC 1321, written out, because a loop over tables costs twice the time on short texts. In every
 * step the word that the step before has just made comes as late as it can, so that the processor does the rest meanwhile.
 */
export function mixBlock(): void {
  const a = digest.getInt32(0, true)
  const b = digest.getInt32(4, true)
  const c = digest.getInt32(8, true)
  const d = digest.getInt32(12, true)
  mixFirst()
  mixSecond()
  mixThird()
  mixFourth()
  keep(a + digest.getInt32(0, true), b + digest.getInt32(4, true), c + digest.getInt32(8, true), d + digest.getInt32(12, true))
}

export function keep(a: number, b: number, c: number, d: number): void {
  digest.setInt32(0, a, true)
  digest.setInt32(4, b, true)
  digest.setInt32(8, c, true)
  digest.setInt32(12, d, true)
}

function word(index: number): number {
  return block.getInt32(index * 4, true)
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

function mixFirst(): void {
  let a = digest.getInt32(0, true)
  let b = digest.getInt32(4, true)
  let c = digest.getInt32(8, true)
  let d = digest.getInt32(12, true)
  a = (rotate((a + word(0) - 680876936 + (d ^ (b & (c ^ d)))) | 0, 7) + b) | 0
  d = (rotate((d + word(1) - 389564586 + (c ^ (a & (b ^ c)))) | 0, 12) + a) | 0
  c = (rotate((c + word(2) + 606105819 + (b ^ (d & (a ^ b)))) | 0, 17) + d) | 0
  b = (rotate((b + word(3) - 1044525330 + (a ^ (c & (d ^ a)))) | 0, 22) + c) | 0
  a = (rotate((a + word(4) - 176418897 + (d ^ (b & (c ^ d)))) | 0, 7) + b) | 0
  d = (rotate((d + word(5) + 1200080426 + (c ^ (a & (b ^ c)))) | 0, 12) + a) | 0
  c = (rotate((c + word(6) - 1473231341 + (b ^ (d & (a ^ b)))) | 0, 17) + d) | 0
  b = (rotate((b + word(7) - 45705983 + (a ^ (c & (d ^ a)))) | 0, 22) + c) | 0
  a = (rotate((a + word(8) + 1770035416 + (d ^ (b & (c ^ d)))) | 0, 7) + b) | 0
  d = (rotate((d + word(9) - 1958414417 + (c ^ (a & (b ^ c)))) | 0, 12) + a) | 0
  c = (rotate((c + word(10) - 42063 + (b ^ (d & (a ^ b)))) | 0, 17) + d) | 0
  b = (rotate((b + word(11) - 1990404162 + (a ^ (c & (d ^ a)))) | 0, 22) + c) | 0
  a = (rotate((a + word(12) + 1804603682 + (d ^ (b & (c ^ d)))) | 0, 7) + b) | 0
  d = (rotate((d + word(13) - 40341101 + (c ^ (a & (b ^ c)))) | 0, 12) + a) | 0
  c = (rotate((c + word(14) - 1502002290 + (b ^ (d & (a ^ b)))) | 0, 17) + d) | 0
  b = (rotate((b + word(15) + 1236535329 + (a ^ (c & (d ^ a)))) | 0, 22) + c) | 0
  keep(a, b, c, d)
}

function mixSecond(): void {
  let a = digest.getInt32(0, true)
  let b = digest.getInt32(4, true)
  let c = digest.getInt32(8, true)
  let d = digest.getInt32(12, true)
  a = (rotate((a + word(1) - 165796510 + (c & ~d) + (b & d)) | 0, 5) + b) | 0
  d = (rotate((d + word(6) - 1069501632 + (b & ~c) + (a & c)) | 0, 9) + a) | 0
  c = (rotate((c + word(11) + 643717713 + (a & ~b) + (d & b)) | 0, 14) + d) | 0
  b = (rotate((b + word(0) - 373897302 + (d & ~a) + (c & a)) | 0, 20) + c) | 0
  a = (rotate((a + word(5) - 701558691 + (c & ~d) + (b & d)) | 0, 5) + b) | 0
  d = (rotate((d + word(10) + 38016083 + (b & ~c) + (a & c)) | 0, 9) + a) | 0
  c = (rotate((c + word(15) - 660478335 + (a & ~b) + (d & b)) | 0, 14) + d) | 0
  b = (rotate((b + word(4) - 405537848 + (d & ~a) + (c & a)) | 0, 20) + c) | 0
  a = (rotate((a + word(9) + 568446438 + (c & ~d) + (b & d)) | 0, 5) + b) | 0
  d = (rotate((d + word(14) - 1019803690 + (b & ~c) + (a & c)) | 0, 9) + a) | 0
  c = (rotate((c + word(3) - 187363961 + (a & ~b) + (d & b)) | 0, 14) + d) | 0
  b = (rotate((b + word(8) + 1163531501 + (d & ~a) + (c & a)) | 0, 20) + c) | 0
  a = (rotate((a + word(13) - 1444681467 + (c & ~d) + (b & d)) | 0, 5) + b) | 0
  d = (rotate((d + word(2) - 51403784 + (b & ~c) + (a & c)) | 0, 9) + a) | 0
  c = (rotate((c + word(7) + 1735328473 + (a & ~b) + (d & b)) | 0, 14) + d) | 0
  b = (rotate((b + word(12) - 1926607734 + (d & ~a) + (c & a)) | 0, 20) + c) | 0
  keep(a, b, c, d)
}

function mixThird(): void {
  let a = digest.getInt32(0, true)
  let b = digest.getInt32(4, true)
  let c = digest.getInt32(8, true)
  let d = digest.getInt32(12, true)
  a = (rotate((a + word(5) - 378558 + (c ^ d ^ b)) | 0, 4) + b) | 0
  d = (rotate((d + word(8) - 2022574463 + (b ^ c ^ a)) | 0, 11) + a) | 0
  c = (rotate((c + word(11) + 1839030562 + (a ^ b ^ d)) | 0, 16) + d) | 0
  b = (rotate((b + word(14) - 35309556 + (d ^ a ^ c)) | 0, 23) + c) | 0
  a = (rotate((a + word(1) - 1530992060 + (c ^ d ^ b)) | 0, 4) + b) | 0
  d = (rotate((d + word(4) + 1272893353 + (b ^ c ^ a)) | 0, 11) + a) | 0
  c = (rotate((c + word(7) - 155497632 + (a ^ b ^ d)) | 0, 16) + d) | 0
  b = (rotate((b + word(10) - 1094730640 + (d ^ a ^ c)) | 0, 23) + c) | 0
  a = (rotate((a + word(13) + 681279174 + (c ^ d ^ b)) | 0, 4) + b) | 0
  d = (rotate((d + word(0) - 358537222 + (b ^ c ^ a)) | 0, 11) + a) | 0
  c = (rotate((c + word(3) - 722521979 + (a ^ b ^ d)) | 0, 16) + d) | 0
  b = (rotate((b + word(6) + 76029189 + (d ^ a ^ c)) | 0, 23) + c) | 0
  a = (rotate((a + word(9) - 640364487 + (c ^ d ^ b)) | 0, 4) + b) | 0
  d = (rotate((d + word(12) - 421815835 + (b ^ c ^ a)) | 0, 11) + a) | 0
  c = (rotate((c + word(15) + 530742520 + (a ^ b ^ d)) | 0, 16) + d) | 0
  b = (rotate((b + word(2) - 995338651 + (d ^ a ^ c)) | 0, 23) + c) | 0
  keep(a, b, c, d)
}

function mixFourth(): void {
  let a = digest.getInt32(0, true)
  let b = digest.getInt32(4, true)
  let c = digest.getInt32(8, true)
  let d = digest.getInt32(12, true)
  a = (rotate((a + word(0) - 198630844 + (c ^ (b | ~d))) | 0, 6) + b) | 0
  d = (rotate((d + word(7) + 1126891415 + (b ^ (a | ~c))) | 0, 10) + a) | 0
  c = (rotate((c + word(14) - 1416354905 + (a ^ (d | ~b))) | 0, 15) + d) | 0
  b = (rotate((b + word(5) - 57434055 + (d ^ (c | ~a))) | 0, 21) + c) | 0
  a = (rotate((a + word(12) + 1700485571 + (c ^ (b | ~d))) | 0, 6) + b) | 0
  d = (rotate((d + word(3) - 1894986606 + (b ^ (a | ~c))) | 0, 10) + a) | 0
  c = (rotate((c + word(10) - 1051523 + (a ^ (d | ~b))) | 0, 15) + d) | 0
  b = (rotate((b + word(1) - 2054922799 + (d ^ (c | ~a))) | 0, 21) + c) | 0
  a = (rotate((a + word(8) + 1873313359 + (c ^ (b | ~d))) | 0, 6) + b) | 0
  d = (rotate((d + word(15) - 30611744 + (b ^ (a | ~c))) | 0, 10) + a) | 0
  c = (rotate((c + word(6) - 1560198380 + (a ^ (d | ~b))) | 0, 15) + d) | 0
  b = (rotate((b + word(13) + 1309151649 + (d ^ (c | ~a))) | 0, 21) + c) | 0
  a = (rotate((a + word(4) - 145523070 + (c ^ (b | ~d))) | 0, 6) + b) | 0
  d = (rotate((d + word(11) - 1120210379 + (b ^ (a | ~c))) | 0, 10) + a) | 0
  c = (rotate((c + word(2) + 718787259 + (a ^ (d | ~b))) | 0, 15) + d) | 0
  b = (rotate((b + word(9) - 343485551 + (d ^ (c | ~a))) | 0, 21) + c) | 0
  keep(a, b, c, d)
}
