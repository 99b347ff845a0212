import type * as z from 'zod'
import { invalid, Problem, type FieldErrors } from './problem.ts'
import { messages, notAList, notAnObject } from './sdk/text.ts'

type Tree = { messages: string[]; children: Map<string | number, Tree> }

/** Zod's issues in the wire's shape: messages by field, nested as the body is; the body itself under `non_field_errors`. */
export function invalidFields(error: z.ZodError): Problem {
  const root: Tree = { messages: [], children: new Map() }
  for (const { path, message } of firstComplaints(error)) node(root, path).messages.push(message)
  const errors = present(root)
  if (isFieldErrors(errors)) return invalid(errors)
  // A body that is a list has its errors in one.
  return root.children.size > 0
    ? new Problem('invalid', 'The request is not valid.', { body: errors })
    : invalid({ non_field_errors: root.messages })
}

// Nobody reads more, and whoever sends a megabyte of mistakes must not be sent several megabytes about them.
const complaintsMax = 100

interface Complaint {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

const firstComplaints = ({ issues }: z.ZodError): Complaint[] =>
  issues.slice(0, complaintsMax).flatMap(complaintsOf).slice(0, complaintsMax)

function complaintsOf(issue: z.core.$ZodIssue): Complaint[] {
  if (issue.code !== 'unrecognized_keys') return [issue]
  return issue.keys.slice(0, complaintsMax).map((key) => ({ path: [...issue.path, key], message: 'This field is not known.' }))
}

function node(root: Tree, path: readonly PropertyKey[]): Tree {
  let at = root
  for (const step of path) {
    const key = typeof step === 'number' ? step : String(step)
    const next: Tree = at.children.get(key) ?? { messages: [], children: new Map() }
    at.children.set(key, next)
    at = next
  }
  return at
}

function present(tree: Tree): FieldErrors | readonly string[] | readonly FieldErrors[] {
  if (tree.children.size === 0) return tree.messages
  const keys = [...tree.children.keys()]
  const positions = keys.filter((key) => typeof key === 'number')
  if (positions.length === keys.length) return presentList(tree, lastOf(positions))
  const errors: FieldErrors = Object.create(null)
  for (const [key, child] of tree.children) errors[String(key)] = present(child)
  if (tree.messages.length > 0) errors['non_field_errors'] = tree.messages
  return errors
}

// A loop, because arguments are on the stack, which a long list overflows.
const lastOf = (positions: readonly number[]) => positions.reduce((last, position) => Math.max(last, position), 0)

// Django REST framework answers a list with one object per element up to the last that fails, empty where nothing is wrong.
function presentList(tree: Tree, last: number): readonly FieldErrors[] {
  return Array.from({ length: last + 1 }, (_, index) => {
    const child = tree.children.get(index)
    const errors = child ? present(child) : {}
    return isFieldErrors(errors) ? errors : { non_field_errors: errors }
  })
}

const expectations: Readonly<Record<string, (input: unknown) => string>> = {
  object: notAnObject,
  array: notAList,
  string: () => messages.notText,
  boolean: () => messages.notBoolean,
  number: () => 'A valid number is required.',
  int: () => messages.notInteger,
}

/** What is said of a value of the wrong kind where its schema has no words of its own: those of Django REST framework. */
export const wordIssue: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'invalid_type') return undefined
  if (issue.input === undefined) return messages.required
  return issue.input === null ? messages.null : expectations[issue.expected]?.(issue.input)
}

const isFieldErrors = (errors: FieldErrors | readonly string[] | readonly FieldErrors[]): errors is FieldErrors => !Array.isArray(errors)
