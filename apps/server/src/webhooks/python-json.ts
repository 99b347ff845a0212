/**
 * JSON as Flagsmith writes it (Python's `json.dumps` with sorted keys): receivers that were written for it may compare bytes. Weights
 * are floats there, whole or not.
 */
export function pythonJson(value: unknown, key = ''): string {
  if (Array.isArray(value)) return `[${value.map((element) => pythonJson(element)).join(', ')}]`
  if (typeof value === 'string') return asciiOnly(JSON.stringify(value))
  if (typeof value === 'number') return Number.isInteger(value) && key === 'percentage_allocation' ? `${value}.0` : String(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
  return `{${fields.map(([name, field]) => `${asciiOnly(JSON.stringify(name))}: ${pythonJson(field, name)}`).join(', ')}}`
}

const asciiOnly = (text: string) => text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** An instant with microseconds, which Python keeps. */
export const pythonInstant = (at: Date): string => at.toISOString().replace('Z', '000Z')
