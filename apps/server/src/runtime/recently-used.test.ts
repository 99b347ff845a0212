import { expect, test } from 'vitest'
import { RecentlyUsed } from './recently-used.ts'

const open = (entriesMax: number, sizeMax: number) => new RecentlyUsed<string>({ entriesMax, sizeMax, sizeOf: (_, value) => value.length })
const held = (map: RecentlyUsed<string>, keys: string) =>
  keys
    .split('')
    .filter((key) => map.get(key) !== undefined)
    .join('')

test('forgets what was set longest ago when there are too many', () => {
  const map = open(3, 100)
  for (const key of 'abcad') map.set(key, key)
  expect(held(map, 'abcd')).toBe('acd')
})

test('forgets as many as it takes for one that is large', () => {
  const map = open(10, 6)
  for (const key of 'abc') map.set(key, 'xx')
  map.set('a', 'x')
  map.set('d', 'xxxx')
  expect(held(map, 'abcd')).toBe('ad')
  map.set('e', 'xxxxxxx')
  expect(held(map, 'abcde')).toBe('')
})
