import { expect, test } from 'vitest'
import { readJson } from './read-json.ts'

const nested = (levels: number) => Buffer.from('['.repeat(levels) + ']'.repeat(levels))

test('a body is nested 32 levels deep at most', () => {
  expect(() => readJson(nested(32))).not.toThrow()
  expect(() => readJson(nested(34))).toThrow('nested more than 32 levels deep')
})

test('a segment with as many levels of rules as there may be fits', () => {
  const condition = { property: 'plan', operator: 'EQUAL', value: 'gold' }
  let rules: object[] = [{ type: 'ALL', conditions: [condition] }]
  for (let level = 1; level < 5; level += 1) rules = [{ type: 'ALL', rules }]
  const segment = { name: 'deep', rules }
  expect(readJson(Buffer.from(JSON.stringify(segment)))).toEqual(segment)
})

test('an object in a body has a thousand keys at most', () => {
  const withKeys = (count: number) =>
    Buffer.from(JSON.stringify([Object.fromEntries(Array.from({ length: count }, (_, key) => [`key ${key}`, 1]))]))
  expect(() => readJson(withKeys(1000))).not.toThrow()
  expect(() => readJson(withKeys(1001))).toThrow('An object has more than 1000 keys.')
})
