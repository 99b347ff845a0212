import * as z from 'zod'

/** The words of Django REST framework, which clients and monitors already match. */
export const messages = {
  required: 'This field is required.',
  blank: 'This field may not be blank.',
  null: 'This field may not be null.',
  notText: 'Not a valid string.',
  notInteger: 'A valid integer is required.',
  notBoolean: 'Must be a valid boolean.',
  unstorable: 'Null characters and unpaired surrogates are not allowed.',
} as const

export const tooLong = (max: number, unit = 'characters') => `Ensure this field has no more than ${max} ${unit}.`
export const notAnObject = (value: unknown) => `Invalid data. Expected a dictionary, but got ${typeName(value)}.`
export const notAList = (value: unknown) => `Expected a list of items but got type "${typeName(value)}".`

/** Says what is wrong with a value of the wrong type, and what is missing. */
export const expecting = (otherwise: string) => (issue: { readonly input?: unknown }) => {
  if (issue.input === undefined) return messages.required
  return issue.input === null ? messages.null : otherwise
}

export const object = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.object(shape, { error: (issue) => (issue.input === undefined ? messages.required : notAnObject(issue.input)) })

export const list = <Item extends z.ZodType>(item: Item) =>
  z.array(item, { error: (issue) => (issue.input === undefined ? messages.required : notAList(issue.input)) })

/** PostgreSQL stores neither NUL nor half a character, so they are refused where they come in. */
export const isStorable = (text: string) => !text.includes('\0') && !/\p{Surrogate}/u.test(text)

/** The same for every text inside a JSON value, keys included. Bodies are at most 100 levels deep, so it may recurse. */
export function holdsOnlyStorableText(json: unknown): boolean {
  if (typeof json === 'string') return isStorable(json)
  if (typeof json !== 'object' || json === null) return true
  if (Array.isArray(json)) return json.every(holdsOnlyStorableText)
  return Object.entries(json).every(([key, value]) => isStorable(key) && holdsOnlyStorableText(value))
}

/** Counts as Python and PostgreSQL do: a pair of surrogates is one character. */
export function isLongerThan(text: string, max: number): boolean {
  if (text.length <= max) return false
  const pairs = text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0
  return text.length - pairs > max
}

export function utf8Length(text: string): number {
  let length = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    // Each half of a surrogate pair is two of its four bytes.
    const isSurrogate = code >= 0xd800 && code <= 0xdfff
    if (code < 0x80) length += 1
    else length += code < 0x800 || isSurrogate ? 2 : 3
  }
  return length
}

const pythonTypes: Readonly<Record<string, string>> = { string: 'str', boolean: 'bool', object: 'dict' }

function typeName(value: unknown): string {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'int' : 'float'
  return pythonTypes[typeof value] ?? typeof value
}
