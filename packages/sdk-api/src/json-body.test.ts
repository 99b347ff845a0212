import { Problem } from '@halyard/contract'
import { expect, test } from 'vitest'
import { parseJsonBody } from './json-body.ts'

const parsed = (text: string) => parseJsonBody(Buffer.from(text))

test('integers too large for a number keep their digits as text', () => {
  expect(parsed('{"a":12345678901234567890,"b":[-9007199254740993],"c":9007199254740991}')).toEqual({
    a: '12345678901234567890',
    b: ['-9007199254740993'],
    c: 9007199254740991,
  })
})

test('fractions and exponents stay numbers, and digits in texts stay texts', () => {
  expect(parsed(String.raw`[1e300,0.12345678901234567890,"\"12345678901234567890\\",12345678901234567890]`)).toEqual([
    1e300,
    0.12345678901234568,
    '"12345678901234567890\\',
    '12345678901234567890',
  ])
})

test('__proto__ is a key like any other', () => {
  expect(Object.entries(parsed('{"__proto__":{"a":1}}') ?? {})).toEqual([['__proto__', { a: 1 }]])
})

test('an empty body is no value', () => {
  expect(parsed('')).toBeUndefined()
})

test.each([
  ['a number beyond all bounds', '{"a":1e400}'],
  ['a number with too many digits', `[${'9'.repeat(400)}]`],
  ['endless nesting', `${'['.repeat(10_000)}${']'.repeat(10_000)}`],
  ['endless nesting that is cut off', '{"a":'.repeat(10_000)],
  ['a text without an end', '{"a'],
  ['a lonely minus', '[-]'],
  ['nothing like JSON', 'a=1'],
])('%s is refused', (_, text) => {
  expect(() => parsed(text)).toThrow(Problem)
  expect(() => parsed(text)).toThrow(/^JSON parse error - /)
})

test('bytes that are not UTF-8 are refused', () => {
  expect(() => parseJsonBody(Buffer.from([0x22, 0xff, 0x22]))).toThrow(/UTF-8/)
})

test('a body that says something twice is refused', () => {
  expect(() => parsed('{"identifier":"ada","traits":[],"identifier":"grace"}')).toThrow('The key “identifier” is twice')
})
