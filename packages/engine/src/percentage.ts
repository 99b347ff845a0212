import { appendAgain, appendText, finishHash, hashedWord, startHash } from './md5.ts'

// Powers of 2^32 mod 9999: what each 32-bit word of a 128-bit number counts. Their sum stays within what a double holds exactly.
const wordModulo = 4294967296 % 9999
const secondWordModulo = wordModulo ** 2 % 9999
const thirdWordModulo = wordModulo ** 3 % 9999

/**
 * Where a pair of ids falls, from 0 (included) to 100 (excluded): MD5 of `first,second` as a 128-bit integer, modulo 9999,
 * over 9998. A remainder of 9998 would be exactly 100, so the ids are then hashed once more, repeated.
 * A prefix stands before the second id, as if the two were joined.
 */
export function percentageOf(first: string, second: string, prefix = ''): number {
  for (let repeats = 1; ; repeats++) {
    const remainder = remainderOfHash(repeats, first, prefix, second)
    if (remainder !== 9998) return (remainder / 9998) * 100
  }
}

function remainderOfHash(repeats: number, first: string, prefix: string, second: string): number {
  startHash()
  for (let repeat = 0; repeat < repeats; repeat++) {
    if (repeat > 0) appendText(',')
    appendText(first)
    appendText(',')
    appendAgain(prefix, second)
  }
  finishHash()
  return modulo(hashedWord(0) * thirdWordModulo + hashedWord(1) * secondWordModulo + hashedWord(2) * wordModulo + hashedWord(3))
}

/** `%` for numbers too large for machine integers is a slow call; below 2^48 the quotient is never rounded past a whole. */
function modulo(dividend: number): number {
  return dividend - Math.floor(dividend / 9999) * 9999
}
