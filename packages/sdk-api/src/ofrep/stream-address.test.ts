import { expect, test } from 'vitest'
import { createStreamAddresses } from './stream-address.ts'

const { addressFor, keyIn } = createStreamAddresses('/stream', 'a secret')
const queryOf = (address: string) => Object.fromEntries(new URL(address, 'http://localhost').searchParams)

test.each(['client', 'server'] as const)('the address for a %s-side key leads to the environment and stays the same', (audience) => {
  expect(keyIn(queryOf(addressFor('AbC123', audience)))).toBe('AbC123')
  expect(addressFor('AbC123', audience)).toBe(addressFor('AbC123', audience))
})

test('a token of another installation, environment or shape leads nowhere', () => {
  const elsewhere = createStreamAddresses('/stream', 'another secret')
  expect(keyIn(queryOf(elsewhere.addressFor('AbC123', 'server')))).toBeUndefined()
  const { token = '' } = queryOf(addressFor('AbC123', 'server'))
  expect(keyIn({ token: token.replace('AbC123', 'XyZ789') })).toBeUndefined()
  expect(keyIn({ token: '' })).toBeUndefined()
  expect(keyIn({ token: 'AbC123' })).toBeUndefined()
})

test('nothing in the address is no key', () => {
  expect(keyIn({})).toBeUndefined()
})
