import { isOverHundred, type ExportFile, type ExportedEnvironment, type ExportedProject, type ExportedState } from '@halyard/contract'
import { whyNotPattern } from '../runtime/patterns.ts'
import { whyNotSchema, whyValueIsRefused } from '../feature-states/value-schema.ts'
import { findRuleProblems } from '../segments/rules.ts'
import { whyNotDefault, whyNotKey } from '../variants/rules.ts'

/** What is wrong in a file, and where. */
export interface FileProblem {
  readonly path: string
  readonly message: string
}

/** How many are told at once. */
export const problemsMax = 100

type Found = readonly (FileProblem | undefined)[]

/** Everything that keeps a file from being imported whose shape is right. */
export const findProblems = ({ projects }: ExportFile): FileProblem[] =>
  [
    ...findDoubles(projects.map(({ name }) => name)).map((index) =>
      at(`projects.${index}.name`, 'Another project of the file has this name.'),
    ),
    ...projects.flatMap((project, index) => ofProject(project, `projects.${index}`)),
  ].filter((problem) => problem !== undefined)

const at = (path: string, message: string | undefined): FileProblem | undefined => (message ? { path, message } : undefined)

/** The places of those that were there before. */
function findDoubles(keys: readonly string[]): number[] {
  const seen = new Set<string>()
  return keys.flatMap((key, index) => (seen.has(key) ? [index] : (seen.add(key), [])))
}

function ofProject(project: ExportedProject, path: string): Found {
  const pattern = project.settings.feature_name_regex
  const names = new Set(project.features.map(({ name }) => name))
  return [
    at(`${path}.settings.feature_name_regex`, pattern ? whyNotPattern(pattern) : undefined),
    ...findDoubles(project.features.map(({ name }) => name.toLowerCase())).map((index) =>
      at(`${path}.features.${index}.name`, 'Another feature of the project has this name; case is ignored.'),
    ),
    ...project.features.flatMap((feature, index) => ofFeature(project, feature, `${path}.features.${index}`)),
    ...findDoubles(project.segments.map(({ id }) => String(id))).map((index) =>
      at(`${path}.segments.${index}.id`, 'Another segment of the project has this id.'),
    ),
    ...project.segments.flatMap((segment, index) => [
      ...findRuleProblems(segment.rules).map(({ path: steps, message }) => at(`${path}.segments.${index}.${steps.join('.')}`, message)),
      at(`${path}.segments.${index}.feature`, segment.feature === null || names.has(segment.feature) ? undefined : missing('feature')),
    ]),
    ...findDoubles(project.environments.map(({ name }) => name)).map((index) =>
      at(`${path}.environments.${index}.name`, 'Another environment of the project has this name.'),
    ),
    ...project.environments.flatMap((environment, index) => ofEnvironment(project, environment, `${path}.environments.${index}`)),
    ...ofSchemas(project, path),
  ]
}

// Feature by feature: a schema that was compiled last is remembered, one that was compiled long ago is not.
function ofSchemas({ features, environments }: ExportedProject, path: string): Found {
  const states = environments.flatMap((environment, place) =>
    environment.states.map(({ feature, value }, index) => ({
      feature,
      value,
      path: `${path}.environments.${place}.states.${index}.value`,
    })),
  )
  const statesOf = groupBy(states, ({ feature }) => feature)
  return features.flatMap(({ name, value_schema: schema, variants }, index) => {
    if (schema === undefined) return []
    const reason = whyNotSchema(schema)
    if (reason) return [at(`${path}.features.${index}.value_schema`, reason)]
    return [
      ...variants.map(({ value }, place) => at(`${path}.features.${index}.variants.${place}.value`, whyValueIsRefused(schema, value))),
      ...(statesOf.get(name) ?? []).map((state) => at(state.path, whyValueIsRefused(schema, state.value))),
    ]
  })
}

const missing = (what: string) => `There is no such ${what} in the project.`

function ofFeature(project: ExportedProject, feature: ExportedProject['features'][number], path: string): Found {
  const labels = new Set(project.tags.map(({ label }) => label))
  return [
    ...feature.tags.map((label, index) => at(`${path}.tags.${index}`, labels.has(label) ? undefined : missing('tag'))),
    at(`${path}.variants`, whyNotDefault(feature.variants)),
    ...feature.variants.map(({ key }, index) => at(`${path}.variants.${index}.key`, whyNotKey(key, feature.variants.slice(0, index)))),
  ]
}

function ofEnvironment(project: ExportedProject, { states }: ExportedEnvironment, path: string): Found {
  const features = new Map(project.features.map((feature) => [feature.name, feature]))
  const segments = new Map(project.segments.map((segment) => [segment.id, segment]))
  const keys = states.map(({ feature, segment, identifier }) => JSON.stringify([feature, segment, identifier]))
  return [
    ...findDoubles(keys).map((index) => at(`${path}.states.${index}`, 'Another state is of the same feature and for the same.')),
    ...findDoubles(states.map(({ id }) => String(id))).map((index) => at(`${path}.states.${index}.id`, 'Another state has this id.')),
    ...states.flatMap((state, index) => ofState(state, { features, segments }, `${path}.states.${index}`)),
  ]
}

interface Known {
  readonly features: ReadonlyMap<string, ExportedProject['features'][number]>
  readonly segments: ReadonlyMap<number, ExportedProject['segments'][number]>
}

function ofState(state: ExportedState, { features, segments }: Known, path: string): Found {
  const { feature: name, segment: id, identifier, weights } = state
  const [feature, segment] = [features.get(name), id === null ? undefined : segments.get(id)]
  const ofAnother = segment && segment.feature !== null && segment.feature !== name
  const variants = weights.map(({ variant }) => String(variant))
  return [
    at(`${path}.feature`, feature ? undefined : missing('feature')),
    at(`${path}.segment`, id === null || segment ? undefined : missing('segment')),
    at(`${path}.segment`, ofAnother ? `The segment “${segment.name}” was made for another feature.` : undefined),
    at(`${path}.identifier`, id !== null && identifier !== null ? 'A state is for a segment or for an identity, not for both.' : undefined),
    at(`${path}.weights`, isOverHundred(weights.map(({ weight }) => weight)) ? 'The percentages add up to more than 100.' : undefined),
    ...findDoubles(variants).map((index) => at(`${path}.weights.${index}.variant`, 'A variant is listed twice.')),
    ...weights.map(({ variant }, index) =>
      at(`${path}.weights.${index}.variant`, feature && variant >= feature.variants.length ? missing('variant') : undefined),
    ),
  ]
}

/** Whether somebody may see something else when the ids that are hash seeds are not the same. */
export const isSeeded = (project: ExportedProject): boolean =>
  JSON.stringify(project.segments.map(({ rules }) => rules)).includes('"PERCENTAGE_SPLIT"') ||
  project.environments.some(({ states }) => states.some(({ weights }) => weights.some(({ weight }) => weight > 0 && weight < 100)))

export function groupBy<Row, Key>(rows: readonly Row[], keyOf: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>()
  for (const row of rows) {
    const group = groups.get(keyOf(row))
    if (group) group.push(row)
    else groups.set(keyOf(row), [row])
  }
  return groups
}
