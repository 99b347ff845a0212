import type { EvaluationContext } from './context.ts'
import { explainable, explainProgram } from './explain-program.ts'
import type { Explanation } from './explanation.ts'
import { buildProgram } from './program.ts'
import { readContext } from './read-context.ts'

/** Why each feature of a context, or only the named one, comes out as `evaluate` says. It never throws. */
export function explain(context: EvaluationContext, featureName?: string): Explanation {
  const definition = readContext(context)
  return explainProgram(explainable(buildProgram(definition)), { subject: definition.subject, identityOverrides: undefined }, featureName)
}
