import type { TraitValue } from '@halyard/engine'
import { expect, test } from 'vitest'
import { anonymousIdentifier, pythonText } from './anonymous-identifier.ts'

const identifierOf = (traits: Record<string, TraitValue>) => anonymousIdentifier(new Map(Object.entries(traits)))

test('equal traits make the identifier that Flagsmith makes, whatever their order', () => {
  const identifier = '185128329026f55aac8946a1779f186c001f6840b0a3cae8d1ca4d311b9b9594'
  expect(identifierOf({ age: 30, beta: true, plan: 'pro' })).toBe(identifier)
  expect(identifierOf({ plan: 'pro', age: 30, beta: true })).toBe(identifier)
})

test('traits without a value do not count', () => {
  expect(identifierOf({ age: 30, gone: null })).toBe(identifierOf({ age: 30 }))
})

test('keys are ordered by code point, not by unit of UTF-16', () => {
  // U+1F600 comes after U+FF5E, but its first surrogate before it.
  expect(identifierOf({ '\u{1f600}': 'a', '\uff5e': 'b' })).toBe('948ef1d6eb36c7a49959584970c86c4af6ee8b3cc940bc5a8f299c6614905ca1')
})

test('nobody without traits is met twice', () => {
  const identifier = identifierOf({})
  expect(identifier).toMatch(/^[0-9a-f]{32}$/)
  expect(identifierOf({})).not.toBe(identifier)
})

test.each([
  [30, '30'],
  [-1, '-1'],
  [1.5, '1.5'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [0.00012345, '0.00012345'],
  [1e21, '1e+21'],
  [1e16, '1e+16'],
  [123456789012345680, '1.2345678901234568e+17'],
  [9007199254740992, '9007199254740992.0'],
  [5e-324, '5e-324'],
  [1.7976931348623157e308, '1.7976931348623157e+308'],
  [true, 'True'],
  [false, 'False'],
  ['True', 'True'],
])('%s is written as Python writes it', (value, text) => {
  expect(pythonText(value)).toBe(text)
})
