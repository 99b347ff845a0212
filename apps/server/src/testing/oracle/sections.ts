import type { Rule, Who } from './decide.ts'

export type Section = readonly (readonly [operation: string, Rule & { readonly paragraph: string }])[]
type Written = Who | Rule

/** Rows of the table that one paragraph decides, by noun and operation. */
export const rules = (paragraph: string, nouns: Readonly<Record<string, Readonly<Record<string, Written>>>>): Section =>
  Object.entries(nouns).flatMap(([noun, operations]) =>
    Object.entries(operations).map(([name, written]) => [`${noun}.${name}`, { ...ruleOf(written), paragraph }] as const),
  )

const ruleOf = (written: Written): Rule => (typeof written === 'object' && 'who' in written ? written : { who: written })

/** The six that most nouns have. */
export const crud = (read: Written, write: Written) => ({
  list: read,
  get: read,
  create: write,
  update: write,
  replace: write,
  delete: write,
})
