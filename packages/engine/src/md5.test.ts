import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { appendAgain, appendText, finishHash, hashedWord, startHash } from './md5.ts'

function md5(...texts: string[]): string {
  startHash()
  for (const text of texts) appendText(text)
  return finishedHash()
}

function finishedHash(): string {
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

test('a text hashes alike whether it is remembered from the last time or not', () => {
  const anyPiece = fc.oneof(
    fc.constantFrom('', 'env_', 'ada', 'adé', 'x'.repeat(252), 'x'.repeat(253)),
    fc.string({ maxLength: 130 }),
    fc.string({ unit: 'grapheme' }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(anyPiece, anyPiece, anyPiece), { maxLength: 6 }), (hashes) => {
      for (const [first, prefix, text] of [...hashes, ...hashes].flatMap((each) => [each, each])) {
        startHash()
        appendText(first)
        appendAgain(prefix, text)
        appendText(first)
        expect(finishedHash()).toBe(reference(first + prefix + text + first))
      }
    }),
  )
})
