import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { percentageOf } from './percentage.ts'

test.each([
  ['12', '93', 27.655531106221243],
  ['abc', 'def', 55.611122224444884],
  ['78986', '32103813', 49.27985597119424],
  ['78986', 'test_env_foobar', 54.53090618123625],
  ['1016366', '8AYnz4q3KEfT5DFtnramnP_user-123', 39.19783956791358],
  ['9', 'True', 72.47449489897978],
  ['9', '1.5', 99.14982996599319],
  ['9', 'é', 16.353270654130824],
  ['104', 'CLIENTKEY123_vip', 55.65113022604521],
  ['104', 'CLIENTKEY123_bob', 21.394278855771155],
])('%s,%s falls on the published percentage', (first, second, percentage) => {
  expect(percentageOf(first, second)).toBe(percentage)
})

test('ids that would fall on exactly 100 are hashed again, repeated', () => {
  expect(percentageOf('a', '7801')).toBe(1.8403680736147228)
})

test('a prefix counts as part of the second id', () => {
  expect(percentageOf('104', 'vip', 'CLIENTKEY123_')).toBe(percentageOf('104', 'CLIENTKEY123_vip'))
  expect(percentageOf('a', '01', '78')).toBe(percentageOf('a', '7801'))
})

test('percentages are at least 0 and less than 100, and those of the whole 128-bit number', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: 'grapheme' }), (first, second) => {
      const percentage = percentageOf(first, second)
      expect(percentage).toBeGreaterThanOrEqual(0)
      expect(percentage).toBeLessThan(100)
      const digest = createHash('md5').update(`${first},${second}`).digest('hex')
      const remainder = Number(BigInt(`0x${digest}`) % 9999n)
      if (remainder !== 9998) expect(percentage).toBe((remainder / 9998) * 100)
    }),
  )
})
