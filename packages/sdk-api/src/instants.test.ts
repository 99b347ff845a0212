import { expect, test } from 'vitest'
import { readHttpDate, unixSeconds, wholeSeconds } from './instants.ts'

test.each([
  ['2023-07-12T14:26:43.899Z', '1689172003.899'],
  ['2023-07-12T14:26:43.500Z', '1689172003.500'],
  ['2023-07-12T14:26:43.000Z', '1689172003.000'],
])('%s is seconds with a fraction', (instant, seconds) => {
  expect(unixSeconds(new Date(instant))).toBe(seconds)
})

test('whole seconds are rounded down', () => {
  expect(wholeSeconds(new Date('2023-07-12T14:26:43.999Z'))).toBe(1689172003)
})

test.each([
  ['Wed, 12 Jul 2023 14:26:43 GMT', 1689172003],
  ['Wednesday, 12-Jul-23 14:26:43 GMT', 1689172003],
  ['Wed Jul 12 14:26:43 2023', 1689172003],
  ['yesterday', undefined],
  ['0', undefined],
  ['2023-07-12T14:26:43Z', undefined],
  ['Wed, 99 Jul 2023 14:26:43 GMT', undefined],
])('the HTTP date %s', (text, seconds) => {
  expect(readHttpDate(text)).toBe(seconds)
})
