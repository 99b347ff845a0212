import { expect, test } from 'vitest'
import { traitIds } from './trait-ids.ts'

test('the id of a trait never changes', () => {
  expect([...traitIds(['age', 'plan', '', 'ü', '__proto__'])]).toEqual([
    ['age', 371238094],
    ['plan', 1541792649],
    ['', 1083068130],
    ['ü', 1015398493],
    ['__proto__', 1119401438],
  ])
})

test('two traits of one identity never share an id', () => {
  const keys = Array.from({ length: 100_000 }, (_, index) => `trait ${index}`)
  const ids = new Set(traitIds(keys).values())
  expect(ids.size).toBe(keys.length)
  expect([...ids].every((id) => Number.isInteger(id) && id > 0 && id < 2 ** 31)).toBe(true)
})
