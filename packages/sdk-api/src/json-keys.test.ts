import { expect, test } from 'vitest'
import { checkKeys } from './json-keys.ts'

test.each([
  ['{"a":1,"a":1}', 'a'],
  ['[{"b":{"a":1}},{"b":[{"c":1 , "c"\n\t: 2}]}]', 'c'],
  [String.raw`{"a":1,"\u0061":2}`, 'a'],
  [String.raw`{"\"":1,"b":"\\","\"":2}`, '"'],
  ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ['{"":1,"":2}', ''],
])('in %s a key is twice', (json, key) => {
  expect(() => checkKeys(json)).toThrow(`JSON parse error - The key “${key}” is twice in one object.`)
})

test.each([
  '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}],"c":"a"}',
  String.raw`{"a":"\"a\":1,","b":"{\"a\":","c":["a","a"]}`,
  '"a"',
  '["a", "a"]',
  '{}',
  ' 12 ',
])('in %s none is', (json) => {
  expect(() => checkKeys(json)).not.toThrow()
})
