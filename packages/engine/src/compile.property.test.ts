import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { compile } from './compile.ts'
import type { Flag } from './compiled-environment.ts'
import { evaluate } from './evaluate.ts'
import type { FlagResult } from './result.ts'
import { anyDocument, anyIdentity } from './testing/arbitraries.ts'
import { contextOf } from './testing/document-context.ts'

const runs = { numRuns: 500 }

test('every flag of an identity is what evaluation says', () => {
  fc.assert(
    fc.property(anyDocument, anyIdentity, (document, identity) => {
      deepStrictEqual(byName(compile(document).flagsFor(identity)), evaluate(contextOf(document, identity)).flags)
    }),
    runs,
  )
})

test('one flag alone is the same as among all', () => {
  fc.assert(
    fc.property(anyDocument, anyIdentity, (document, identity) => {
      const environment = compile(document)
      const flags = environment.flagsFor(identity)
      deepStrictEqual(
        flags.map(({ name }) => environment.flagFor(identity, name)),
        flags,
      )
    }),
    runs,
  )
})

test('the segments of an identity are what evaluation says, together and one by one', () => {
  fc.assert(
    fc.property(anyDocument, anyIdentity, (document, identity) => {
      const environment = compile(document)
      const evaluated = evaluate(contextOf(document, identity)).segments.filter(({ metadata }) => metadata?.source === 'api')
      deepStrictEqual(environment.segmentsFor(identity), evaluated)
      const alone = document.project.segments.filter(({ id }) => environment.isInSegment(identity, id))
      deepStrictEqual(
        alone.map(({ id }) => id),
        evaluated.map(({ metadata }) => metadata?.id),
      )
    }),
    runs,
  )
})

test('the flags of nobody are the defaults of the environment', () => {
  fc.assert(
    fc.property(anyDocument, (document) => {
      const environment = compile(document)
      const { segments: _, ...withoutSegments } = contextOf(document)
      deepStrictEqual(byName(environment.environmentFlags), evaluate(withoutSegments).flags)
      deepStrictEqual(
        environment.environmentFlags.map(({ name }) => environment.environmentFlag(name)),
        environment.environmentFlags,
      )
    }),
    runs,
  )
})

function byName(flags: readonly Flag[]): Record<string, FlagResult> {
  return Object.fromEntries(flags.map(({ feature: _feature, state: _state, source: _source, ...result }) => [result.name, result]))
}
