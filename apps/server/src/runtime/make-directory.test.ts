import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { DirectoryNotUsable, makeDirectory } from './make-directory.ts'

const scratch = mkdtempSync(join(tmpdir(), 'halyard-test-'))
afterAll(() => rmSync(scratch, { recursive: true }))

test('a directory is made with those above it, for its owner alone, and stays as it is when it is there', () => {
  const directory = join(scratch, 'one', 'two')
  makeDirectory(directory)
  writeFileSync(join(directory, 'kept'), '')
  makeDirectory(directory)
  expect(statSync(directory).mode & 0o777).toBe(0o700)
  expect(statSync(join(directory, 'kept')).isFile()).toBe(true)
})

test('where none can be made, it says so at once, and which variable to change', () => {
  writeFileSync(join(scratch, 'file'), '')
  for (const directory of ['/proc/halyard/data', join(scratch, 'file', 'data'), join(scratch, 'file')]) {
    expect(() => makeDirectory(directory)).toThrow(DirectoryNotUsable)
    expect(() => makeDirectory(directory)).toThrow(`${directory} cannot be used to keep files in`)
    expect(() => makeDirectory(directory)).toThrow('DATA_DIR')
  }
})
