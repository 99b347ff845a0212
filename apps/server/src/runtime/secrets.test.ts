import { expect, test } from 'vitest'
import { seal, unseal } from './secrets.ts'

const keys = { secretKey: 'a secret key of at least 32 characters', previousSecretKeys: [] }
const rotated = { secretKey: 'its successor, of at least 32 characters', previousSecretKeys: [keys.secretKey] }

test('what is sealed opens with its key, before and after that was replaced', () => {
  const sealed = seal(keys, 'grüße', 'webhooks.secret')
  expect(sealed).not.toContain('grüße')
  expect(unseal(keys, sealed, 'webhooks.secret')).toBe('grüße')
  expect(unseal(rotated, sealed, 'webhooks.secret')).toBe('grüße')
  expect(seal(rotated, '', 'webhooks.secret').split('.')[0]).not.toBe(sealed.split('.')[0])
})

test('the same text is never sealed to the same letters', () => {
  expect(seal(keys, 'text', 'x')).not.toBe(seal(keys, 'text', 'x'))
})

test('nothing opens for another purpose, changed, cut short or without its key', () => {
  const sealed = seal(keys, 'a secret', 'webhooks.secret')
  const [id = '', body = ''] = sealed.split('.')
  const bytes = Buffer.from(body, 'base64url')
  bytes.writeUInt8(bytes.readUInt8(14) ^ 1, 14)
  expect(() => unseal(keys, sealed, 'users.secret')).toThrow('authenticate')
  expect(() => unseal(keys, `${id}.${bytes.toString('base64url')}`, 'webhooks.secret')).toThrow('authenticate')
  for (const length of [0, 5, 20, body.length - 1])
    expect(() => unseal(keys, `${id}.${body.slice(0, length)}`, 'webhooks.secret')).toThrow(/authenticat|nonce|tag|Invalid/i)
  expect(() => unseal({ ...rotated, previousSecretKeys: [] }, sealed, 'webhooks.secret')).toThrow('PREVIOUS_SECRET_KEYS')
})
