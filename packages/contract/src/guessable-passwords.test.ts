import { expect, test } from 'vitest'
import { isCommonPassword } from './guessable-passwords.ts'

test.each([
  'password',
  'Password1',
  'P@ssw0rd!',
  'qwerty123456',
  'Summer2026!',
  '123456admin',
  'aaaaaaaa',
  'abababab',
  'letmein!!!',
  '!!Halyard42',
])('%s is what everybody tries', (password) => expect(isCommonPassword(password)).toBe(true))

test.each(['correct horse battery', 'summer in the garden', 'password of my neighbour', 'tr0ub4dor&3', 'xK9#mQ2v', 'flaggschiff'])(
  '%s is not',
  (password) => expect(isCommonPassword(password)).toBe(false),
)
