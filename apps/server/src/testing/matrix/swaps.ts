import { integersIn, replaceAt, valueAt } from './bodies.ts'
import type { Request } from './endpoints.ts'

/** A request of ours in which one value names something that is not where it is looked for. */
export interface Swap {
  readonly swapped: string
  readonly request: Request
}

/** One for each of these parameters of the path that differs between two examples. */
export function swapParameters(ours: Request, theirs: Request, names: readonly string[]): Swap[] {
  return names.flatMap((name) => {
    const [own, other] = [ours.params?.[name], theirs.params?.[name]]
    return other === undefined || own === other ? [] : [{ swapped: name, request: { ...ours, params: { ...ours.params, [name]: other } } }]
  })
}

/** One for each id in the body that differs. */
export function swapInBody(ours: Request, theirs: Request): Swap[] {
  return integersIn(ours.body).flatMap((path) => {
    const [own, other] = [valueAt(ours.body, path), valueAt(theirs.body, path)]
    return Number.isInteger(other) && own !== other
      ? [{ swapped: path.join('.'), request: { ...ours, body: replaceAt(ours.body, path, other) } }]
      : []
  })
}

/** One for each value of the query that differs. */
export function swapInQuery(ours: Request, theirs: Request): Swap[] {
  return Object.entries(theirs.query ?? {}).flatMap(([name, other]) =>
    ours.query?.[name] === other ? [] : [{ swapped: name, request: { ...ours, query: { ...ours.query, [name]: other } } }],
  )
}

/** People and what they belong to are the same in every project. */
const organisationsThings = ['user', 'group', 'role']
const projectsThings = ['project', 'environment', 'environment_key']
const environmentsThings = ['environment_api_key', 'identity', 'feature_state', 'webhook']

/** The parameters that name a thing together with the project or environment it must be of. */
export function withinProject(names: readonly string[]): string[] {
  const things = names.filter((name) => !organisationsThings.includes(name))
  return things.length > 1 && things.some((name) => projectsThings.includes(name)) ? things : []
}

/** The environment, where what follows is the environment's and not the project's. */
export const withinEnvironment = (names: readonly string[]): string[] =>
  names.some((name) => environmentsThings.includes(name)) ? names.filter((name) => name === 'environment_key') : []

/** The last parameter, where it names a thing of the one before: a variant of a feature, an override or trait of an identity. */
export function withinParent(names: readonly string[]): string[] {
  const [parent = '', child = ''] = names.slice(-2)
  return names.length > 1 && ['feature', 'identity', 'webhook', 'role', 'group'].includes(parent) ? [child] : []
}
