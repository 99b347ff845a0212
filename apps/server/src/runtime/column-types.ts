import { TypeOverrides, types as defaults, type CustomTypesConfig } from 'pg'

const { builtins } = defaults
// Arrays have no names in `pg`.
const int8Array: number = 1016
const numericArray: number = 1231
const dateArray: number = 1182
const textArray: number = 1009

/** How columns become JavaScript values, where it differs from what `pg` does by itself. */
export function columnTypes(): CustomTypesConfig {
  const types = new TypeOverrides()
  types.setTypeParser(builtins.INT8, parseInt8)
  types.setTypeParser(builtins.NUMERIC, parseNumeric)
  // A day is not an instant: as a Date it would shift with the zone of the machine.
  types.setTypeParser(builtins.DATE, String)
  types.setTypeParser(int8Array, (text) => parseArray(text, parseInt8))
  types.setTypeParser(numericArray, (text) => parseArray(text, parseNumeric))
  types.setTypeParser(dateArray, (text) => parseArray(text, String))
  return types
}

// Throwing beats a number that is a little different, and a string that the types do not mention.
function parseInt8(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number)) return number
  throw new RangeError(`The database answered ${text}, which a JavaScript number cannot hold exactly. Select it as text.`)
}

// Whole numbers (sums of bigint) must be exact; averages and shares are measures, for which a double is exact enough.
function parseNumeric(text: string): number {
  return /^-?\d+$/.test(text) ? parseInt8(text) : Number(text)
}

function parseArray<T>(text: string, parse: (element: string) => T): Array<T | null> {
  const elements: Array<string | null> = defaults.getTypeParser(textArray)(text)
  return elements.map((element) => (element === null ? null : parse(element)))
}
