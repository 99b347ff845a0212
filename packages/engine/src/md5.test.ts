import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { appendText, finishHash, hashedWord, startHash } from './md5.ts'

function md5(...texts: string[]): string {
  startHash()
  for (const text of texts) appendText(text)
  finishHash()
  return [0, 1, 2, 3].map((index) => hashedWord(index).toString(16).padStart(8, '0')).join('')
}

function reference(text: string): string {
  return createHash('md5').update(text, 'utf8').digest('hex')
}

test('any text, lone surrogates included, hashes as its UTF-8 does', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
  )
  fc.assert(
    fc.property(anyText, (text) => {
      expect(md5(text)).toBe(reference(text))
    }),
  )
})

test.each(['a', 'é', '€', '😀'])('every length up to three blocks of %s is padded right', (character) => {
  for (let length = 0; length <= 192; length++) expect(md5(character.repeat(length))).toBe(reference(character.repeat(length)))
})

test('a text may come in pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (pieces) => {
      expect(md5(...pieces)).toBe(reference(pieces.join('')))
    }),
  )
})
