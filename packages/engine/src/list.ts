import { textOfValue } from './cast.ts'

// In JSON: a string, or a number that is not within one.
const stringOrNumber = /("(?:[^"\\]|\\.)*")|-?\d[\d.eE+-]*/g

/** The members of an IN list: a JSON array when it is one, else the text between commas, neither trimmed nor unquoted. */
export function parseList(text: string): string[] {
  return (text.startsWith('[') ? parseJsonList(text) : undefined) ?? text.split(',')
}

function parseJsonList(text: string): string[] | undefined {
  try {
    // Numbers are kept as they are written: 12345678901234567890 would not survive becoming a number.
    const members: unknown = JSON.parse(isJson(text) ? text.replace(stringOrNumber, (found, string) => string ?? `"${found}"`) : text)
    return Array.isArray(members) ? members.map(listMember).filter((member) => member !== undefined) : undefined
  } catch {
    return undefined
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A member as the reference engine (Python) writes it. Lists within lists equal nothing. */
export function listMember(member: unknown): string | undefined {
  if (member === null) return 'None'
  return typeof member === 'string' || typeof member === 'number' || typeof member === 'boolean' ? textOfValue(member) : undefined
}
