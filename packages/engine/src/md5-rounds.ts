/** The 64 bytes being mixed, as little-endian words whatever the machine. */
export const block = new DataView(new ArrayBuffer(64))
/** The digest so far. */
export const digest = new DataView(new ArrayBuffer(16))

/** Mixes `block` into `digest`: RFC 1321, written out, because a loop over tables costs twice the time on short texts. */
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
  a = (rotate((a + (d ^ (b & (c ^ d))) + word(0) - 680876936) | 0, 7) + b) | 0
  d = (rotate((d + (c ^ (a & (b ^ c))) + word(1) - 389564586) | 0, 12) + a) | 0
  c = (rotate((c + (b ^ (d & (a ^ b))) + word(2) + 606105819) | 0, 17) + d) | 0
  b = (rotate((b + (a ^ (c & (d ^ a))) + word(3) - 1044525330) | 0, 22) + c) | 0
  a = (rotate((a + (d ^ (b & (c ^ d))) + word(4) - 176418897) | 0, 7) + b) | 0
  d = (rotate((d + (c ^ (a & (b ^ c))) + word(5) + 1200080426) | 0, 12) + a) | 0
  c = (rotate((c + (b ^ (d & (a ^ b))) + word(6) - 1473231341) | 0, 17) + d) | 0
  b = (rotate((b + (a ^ (c & (d ^ a))) + word(7) - 45705983) | 0, 22) + c) | 0
  a = (rotate((a + (d ^ (b & (c ^ d))) + word(8) + 1770035416) | 0, 7) + b) | 0
  d = (rotate((d + (c ^ (a & (b ^ c))) + word(9) - 1958414417) | 0, 12) + a) | 0
  c = (rotate((c + (b ^ (d & (a ^ b))) + word(10) - 42063) | 0, 17) + d) | 0
  b = (rotate((b + (a ^ (c & (d ^ a))) + word(11) - 1990404162) | 0, 22) + c) | 0
  a = (rotate((a + (d ^ (b & (c ^ d))) + word(12) + 1804603682) | 0, 7) + b) | 0
  d = (rotate((d + (c ^ (a & (b ^ c))) + word(13) - 40341101) | 0, 12) + a) | 0
  c = (rotate((c + (b ^ (d & (a ^ b))) + word(14) - 1502002290) | 0, 17) + d) | 0
  b = (rotate((b + (a ^ (c & (d ^ a))) + word(15) + 1236535329) | 0, 22) + c) | 0
  keep(a, b, c, d)
}

function mixSecond(): void {
  let a = digest.getInt32(0, true)
  let b = digest.getInt32(4, true)
  let c = digest.getInt32(8, true)
  let d = digest.getInt32(12, true)
  a = (rotate((a + (c ^ (d & (b ^ c))) + word(1) - 165796510) | 0, 5) + b) | 0
  d = (rotate((d + (b ^ (c & (a ^ b))) + word(6) - 1069501632) | 0, 9) + a) | 0
  c = (rotate((c + (a ^ (b & (d ^ a))) + word(11) + 643717713) | 0, 14) + d) | 0
  b = (rotate((b + (d ^ (a & (c ^ d))) + word(0) - 373897302) | 0, 20) + c) | 0
  a = (rotate((a + (c ^ (d & (b ^ c))) + word(5) - 701558691) | 0, 5) + b) | 0
  d = (rotate((d + (b ^ (c & (a ^ b))) + word(10) + 38016083) | 0, 9) + a) | 0
  c = (rotate((c + (a ^ (b & (d ^ a))) + word(15) - 660478335) | 0, 14) + d) | 0
  b = (rotate((b + (d ^ (a & (c ^ d))) + word(4) - 405537848) | 0, 20) + c) | 0
  a = (rotate((a + (c ^ (d & (b ^ c))) + word(9) + 568446438) | 0, 5) + b) | 0
  d = (rotate((d + (b ^ (c & (a ^ b))) + word(14) - 1019803690) | 0, 9) + a) | 0
  c = (rotate((c + (a ^ (b & (d ^ a))) + word(3) - 187363961) | 0, 14) + d) | 0
  b = (rotate((b + (d ^ (a & (c ^ d))) + word(8) + 1163531501) | 0, 20) + c) | 0
  a = (rotate((a + (c ^ (d & (b ^ c))) + word(13) - 1444681467) | 0, 5) + b) | 0
  d = (rotate((d + (b ^ (c & (a ^ b))) + word(2) - 51403784) | 0, 9) + a) | 0
  c = (rotate((c + (a ^ (b & (d ^ a))) + word(7) + 1735328473) | 0, 14) + d) | 0
  b = (rotate((b + (d ^ (a & (c ^ d))) + word(12) - 1926607734) | 0, 20) + c) | 0
  keep(a, b, c, d)
}

function mixThird(): void {
  let a = digest.getInt32(0, true)
  let b = digest.getInt32(4, true)
  let c = digest.getInt32(8, true)
  let d = digest.getInt32(12, true)
  a = (rotate((a + (b ^ c ^ d) + word(5) - 378558) | 0, 4) + b) | 0
  d = (rotate((d + (a ^ b ^ c) + word(8) - 2022574463) | 0, 11) + a) | 0
  c = (rotate((c + (d ^ a ^ b) + word(11) + 1839030562) | 0, 16) + d) | 0
  b = (rotate((b + (c ^ d ^ a) + word(14) - 35309556) | 0, 23) + c) | 0
  a = (rotate((a + (b ^ c ^ d) + word(1) - 1530992060) | 0, 4) + b) | 0
  d = (rotate((d + (a ^ b ^ c) + word(4) + 1272893353) | 0, 11) + a) | 0
  c = (rotate((c + (d ^ a ^ b) + word(7) - 155497632) | 0, 16) + d) | 0
  b = (rotate((b + (c ^ d ^ a) + word(10) - 1094730640) | 0, 23) + c) | 0
  a = (rotate((a + (b ^ c ^ d) + word(13) + 681279174) | 0, 4) + b) | 0
  d = (rotate((d + (a ^ b ^ c) + word(0) - 358537222) | 0, 11) + a) | 0
  c = (rotate((c + (d ^ a ^ b) + word(3) - 722521979) | 0, 16) + d) | 0
  b = (rotate((b + (c ^ d ^ a) + word(6) + 76029189) | 0, 23) + c) | 0
  a = (rotate((a + (b ^ c ^ d) + word(9) - 640364487) | 0, 4) + b) | 0
  d = (rotate((d + (a ^ b ^ c) + word(12) - 421815835) | 0, 11) + a) | 0
  c = (rotate((c + (d ^ a ^ b) + word(15) + 530742520) | 0, 16) + d) | 0
  b = (rotate((b + (c ^ d ^ a) + word(2) - 995338651) | 0, 23) + c) | 0
  keep(a, b, c, d)
}

function mixFourth(): void {
  let a = digest.getInt32(0, true)
  let b = digest.getInt32(4, true)
  let c = digest.getInt32(8, true)
  let d = digest.getInt32(12, true)
  a = (rotate((a + (c ^ (b | ~d)) + word(0) - 198630844) | 0, 6) + b) | 0
  d = (rotate((d + (b ^ (a | ~c)) + word(7) + 1126891415) | 0, 10) + a) | 0
  c = (rotate((c + (a ^ (d | ~b)) + word(14) - 1416354905) | 0, 15) + d) | 0
  b = (rotate((b + (d ^ (c | ~a)) + word(5) - 57434055) | 0, 21) + c) | 0
  a = (rotate((a + (c ^ (b | ~d)) + word(12) + 1700485571) | 0, 6) + b) | 0
  d = (rotate((d + (b ^ (a | ~c)) + word(3) - 1894986606) | 0, 10) + a) | 0
  c = (rotate((c + (a ^ (d | ~b)) + word(10) - 1051523) | 0, 15) + d) | 0
  b = (rotate((b + (d ^ (c | ~a)) + word(1) - 2054922799) | 0, 21) + c) | 0
  a = (rotate((a + (c ^ (b | ~d)) + word(8) + 1873313359) | 0, 6) + b) | 0
  d = (rotate((d + (b ^ (a | ~c)) + word(15) - 30611744) | 0, 10) + a) | 0
  c = (rotate((c + (a ^ (d | ~b)) + word(6) - 1560198380) | 0, 15) + d) | 0
  b = (rotate((b + (d ^ (c | ~a)) + word(13) + 1309151649) | 0, 21) + c) | 0
  a = (rotate((a + (c ^ (b | ~d)) + word(4) - 145523070) | 0, 6) + b) | 0
  d = (rotate((d + (b ^ (a | ~c)) + word(11) - 1120210379) | 0, 10) + a) | 0
  c = (rotate((c + (a ^ (d | ~b)) + word(2) + 718787259) | 0, 15) + d) | 0
  b = (rotate((b + (d ^ (c | ~a)) + word(9) - 343485551) | 0, 21) + c) | 0
  keep(a, b, c, d)
}
