import { deepStrictEqual } from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'
import { evaluate } from './evaluate.ts'
import { explain } from './explain.ts'

const ownCases = fileURLToPath(new URL('../cases', import.meta.url))
const publishedCases = fileURLToPath(new URL('../../../../shared/engine-test-data', import.meta.url))

describe.each(casesIn(ownCases))('our case $name', ({ file }) => {
  testCase(file)
})

// The published cases are fetched beside the repository where they are wanted, not kept in it.
if (existsSync(publishedCases)) {
  describe.each(casesIn(publishedCases))('published case $name', ({ file }) => {
    testCase(file)
  })
}

function testCase(file: string) {
  const { context, result } = JSON.parse(withoutComments(readFileSync(file, 'utf8')))
  test('evaluates to its result', () => {
    deepStrictEqual(JSON.parse(JSON.stringify(evaluate(context))), result)
  })
  test('is explained by the same flags', () => {
    deepStrictEqual(Object.fromEntries(explain(context).flags.map(({ flag }) => [flag.name, flag])), evaluate(context).flags)
  })
}

function casesIn(folder: string) {
  return readdirSync(folder)
    .filter((name) => ['.json', '.jsonc'].includes(extname(name)) && !name.startsWith('evaluation-'))
    .map((name) => ({ name: basename(name, extname(name)), file: join(folder, name) }))
}

/** Line comments only, and none within strings. */
function withoutComments(text: string): string {
  return text.replaceAll(/("(?:[^"\\]|\\.)*")|\/\/.*/g, (_, string: string | undefined) => string ?? '')
}
