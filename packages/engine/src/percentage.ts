import { appendText, finishHash, hashedWord, startHash } from './md5.ts'

// 2^32 mod 9999: lets a 128-bit number be reduced one 32-bit word at a time, within what a double holds exactly.
const wordModulo = 4294967296 % 9999

/**
 * Where a pair of ids falls, from 0 (included) to 100 (excluded): MD5 of `first,second` as a 128-bit integer, modulo 9999,
 * over 9998. A remainder of 9998 would be exactly 100, so the ids are then hashed once more, repeated.
 */
export function percentageOf(first: string, second: string): number {
  for (let repeats = 1; ; repeats++) {
    const remainder = remainderOfHash(first, second, repeats)
    if (remainder !== 9998) return (remainder / 9998) * 100
  }
}

function remainderOfHash(first: string, second: string, repeats: number): number {
  startHash()
  for (let repeat = 0; repeat < repeats; repeat++) {
    if (repeat > 0) appendText(',')
    appendText(first)
    appendText(',')
    appendText(second)
  }
  finishHash()
  let remainder = 0
  for (let index = 0; index < 4; index++) remainder = modulo(remainder * wordModulo + hashedWord(index))
  return remainder
}

/** `%` for numbers too large for machine integers is a slow call; below 2^46 the quotient is never rounded past a whole. */
function modulo(dividend: number): number {
  return dividend - Math.floor(dividend / 9999) * 9999
}
