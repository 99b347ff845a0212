import { expect, test } from 'vitest'
import { etagOf, namesEtag } from './etag.ts'

const now = { epoch: 1, revision: 7 }

test('an ETag is quoted, strong and the same for the same reply', () => {
  expect(etagOf(now, '{}')).toMatch(/^"[\w-]{43}"$/)
  expect(etagOf(now, '{}')).toBe(etagOf(now, '{}'))
})

test('another reply, revision or epoch has another ETag', () => {
  const etags = [etagOf(now, '{}'), etagOf(now, '[]'), etagOf({ ...now, revision: 8 }, '{}'), etagOf({ ...now, epoch: 2 }, '{}')]
  expect(new Set(etags).size).toBe(etags.length)
})

test.each([
  ['"a"', true],
  ['W/"a"', true],
  ['"b", W/"a"', true],
  ['*', true],
  ['"b"', false],
  ['a', false],
  [undefined, false],
])('If-None-Match %s', (ifNoneMatch, isNamed) => {
  expect(namesEtag(ifNoneMatch, '"a"')).toBe(isNamed)
})
