export interface ClaimRule {
  readonly claim: string
  readonly values: readonly string[]
}

/** Whether a token says everything that the rules ask for. */
export const matchesAll = (rules: readonly ClaimRule[], claims: Readonly<Record<string, unknown>>): boolean =>
  rules.length > 0 &&
  rules.every(({ claim, values }) =>
    textsOf(Object.hasOwn(claims, claim) ? claims[claim] : undefined).some((text) => values.some((value) => isLike(text, value))),
  )

// A claim that is a list says each of its elements; objects say nothing.
function textsOf(claim: unknown): string[] {
  if (Array.isArray(claim)) return claim.flatMap((element) => (Array.isArray(element) ? [] : textsOf(element)))
  return typeof claim === 'string' || typeof claim === 'number' || typeof claim === 'boolean' ? [String(claim)] : []
}

/** `*` stands for any text. In linear steps, because tokens are long and patterns are other people's. */
export function isLike(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return text === pattern
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false
  let from = first.length
  const end = text.length - last.length
  for (const part of rest) {
    const found = text.indexOf(part, from)
    if (found < 0 || found + part.length > end) return false
    from = found + part.length
  }
  return true
}
