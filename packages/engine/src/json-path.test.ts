import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJsonPath, valueAt } from './json-path.ts'

test.each([
  ['$.a.b', ['a', 'b']],
  ["$.a['b c'].d", ['a', 'b c', 'd']],
  ['$.a["b"]', ['a', 'b']],
  ['$.a[0][-1]', ['a', 0, -1]],
  ['$.a [ "b" ] .c', ['a', 'b', 'c']],
  ['$.größe.名前.😀', ['größe', '名前', '😀']],
  ["$.a['it\\'s \"\\u00e9\\\\\\n\"']", ['a', 'it\'s "é\\\n"']],
  ['$.a["say \\"x\\" and \'y\'"]', ['a', 'say "x" and \'y\'']],
  ["$.a['\\ud83d\\ude00']", ['a', '😀']],
])('%s names one place', (path, steps) => {
  expect(parseJsonPath(path)).toEqual(steps)
})

test.each([
  '$.',
  '$.1a',
  '$.a-b',
  '$..a',
  '$.*',
  '$.a[*]',
  '$.a[0:2]',
  '$.a[?(@.b)]',
  '$.a[(1+1)]',
  "$.a['b','c']",
  '$.a[01]',
  '$.a[-0]',
  "$.a['b]",
  "$.a['\\x']",
  "$.a['\\\"']",
  "$.a['\n']",
  '$. a',
  '$.a ',
])('%j is not a path of ours', (path) => {
  expect(parseJsonPath(path)).toBeUndefined()
})

test('every member can be named in brackets', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer(), (name, value) => {
      const path = parseJsonPath(`$.root[${JSON.stringify(name)}]`)
      expect(path && valueAt({ root: Object.fromEntries([[name, value]]) }, path)).toBe(value)
    }),
  )
})

test('nothing inherited is found, and indexes are of arrays only', () => {
  expect(valueAt({ a: {} }, ['a', 'constructor'])).toBeUndefined()
  expect(valueAt({ a: [1, 2] }, ['a', 'length'])).toBeUndefined()
  expect(valueAt({ a: [1, 2] }, ['a', -1])).toBe(2)
  expect(valueAt({ a: { 0: 1 } }, ['a', 0])).toBeUndefined()
  expect(valueAt({ a: 'text' }, ['a', 0])).toBeUndefined()
})
