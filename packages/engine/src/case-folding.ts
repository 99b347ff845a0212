/**
 * A text in which case makes no difference: each character is replaced by the lower case of its upper case, where these are
 * one character. So `Σ`, `σ` and `ς` are alike, as are `K` and the Kelvin sign; `ß` and `ss` are not.
 */
export function foldCase(text: string): string {
  return isAscii(text) ? text.toLowerCase() : Array.from(text, foldCharacter).join('')
}

/** Every character that is folded to the same as this one. */
export function charactersLike(character: string): readonly string[] {
  unfolded ??= readUnfolded()
  const folded = foldCharacter(character)
  return [folded, ...(unfolded.get(folded) ?? [])]
}

// By what they are folded to. Made when first needed, which takes some tens of milliseconds.
let unfolded: ReadonlyMap<string, readonly string[]> | undefined

// No script beyond this has an upper and a lower case.
const lastCodePoint = 0x1ffff

function readUnfolded(): ReadonlyMap<string, readonly string[]> {
  const byFolded = new Map<string, string[]>()
  for (let codePoint = 0; codePoint <= lastCodePoint; codePoint++) {
    const character = String.fromCodePoint(codePoint)
    const folded = foldCharacter(character)
    if (folded !== character) byFolded.set(folded, [...(byFolded.get(folded) ?? []), character])
  }
  return byFolded
}

function foldCharacter(character: string): string {
  const upper = ifOne(character.toUpperCase(), character)
  return ifOne(upper.toLowerCase(), upper)
}

function ifOne(converted: string, otherwise: string): string {
  return converted.length === ((converted.codePointAt(0) ?? 0) > 0xffff ? 2 : 1) ? converted : otherwise
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) >= 0x80) return false
  }
  return true
}
