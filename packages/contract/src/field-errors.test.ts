import { id } from './fields.ts'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { invalidFields } from './field-errors.ts'

const problemsOf = (schema: z.ZodType, written: unknown) => {
  const { error } = schema.safeParse(written)
  return error && invalidFields(error).body
}

test('of a list with more mistakes than fit on the stack the first hundred are told', () => {
  const issues = Array.from({ length: 340_000 }, (_, index) => ({ code: 'custom' as const, path: [index], message: 'Wrong.', input: {} }))
  const { body } = invalidFields(new z.ZodError(issues))
  expect(body).toEqual(Array.from({ length: 100 }, () => ({ non_field_errors: ['Wrong.'] })))
})

test('a mistake far down a list is told at its place', () => {
  const list = [...Array.from({ length: 150_000 }, () => 1), 'one']
  expect(problemsOf(z.array(z.number('Wrong.')), list)).toHaveLength(150_001)
})

test('of a hundred thousand unknown fields the first hundred are told', () => {
  const unknown = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`field ${index}`, 1]))
  expect(Object.keys(problemsOf(z.strictObject({}), unknown) ?? {})).toHaveLength(100)
})

test.each([2 ** 31, 2 ** 53 + 2, 1e300, -1, '2147483648'])('an id that nothing can have (%s) is refused once', (value) => {
  const issues = id.safeParse(value).error?.issues.map(({ message }) => message)
  expect(issues).toEqual([`Invalid pk "${typeof value === 'string' ? value : String(value)}" - object does not exist.`])
})

test.each([1.5, 'x', true, {}])('what is no id (%s) is refused as that', (value) => {
  expect(id.safeParse(value).error?.issues.map(({ message }) => message)).toEqual(['Incorrect type. Expected an id.'])
})
