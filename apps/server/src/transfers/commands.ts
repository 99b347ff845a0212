import { type ExportedEnvironment, type ExportedProject } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { actorId } from '../access/actor.ts'
import type { EnvironmentRow, OrganisationRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { createEnvironment } from '../environments/commands.ts'
import { isEnvironmentKeyTaken } from '../environments/queries.ts'
import { createMissingDefaultStates } from '../feature-states/default-states.ts'
import { createProject } from '../projects/commands.ts'
import { keepIds, reserveIds } from './ids.ts'
import { groupBy } from './rules.ts'

export interface ImportedProject {
  readonly project: ProjectRow
  readonly environments: readonly EnvironmentRow[]
  /** Whether every id that is a hash seed, and every environment's key, could be kept. */
  readonly isSame: boolean
}

/** Makes a project of a file that has no problems. Environments have ids already where identities wait for them. */
export async function importProject(
  edit: Edit,
  organisation: Pick<OrganisationRow, 'id'>,
  file: ExportedProject,
  environmentIds: ReadonlyMap<number, number>,
): Promise<ImportedProject> {
  const project = await createProject(edit, organisation, { ...file.settings, name: file.name })
  const environments: EnvironmentRow[] = []
  for (const [index, { name, description, api_key, hash_key, settings }] of file.environments.entries()) {
    const key = (await isEnvironmentKeyTaken(edit.tx, api_key)) ? {} : { api_key }
    environments.push(
      await createEnvironment(edit, project, { ...settings, ...key, hash_key, name, description, id: environmentIds.get(index) }),
    )
  }
  const tags = await insertTags(edit, project, file)
  const features = await insertFeatures(edit, project, file, tags)
  const segments = await insertSegments(edit, project, file, features)
  let areStatesSame = true
  for (const [index, environment] of environments.entries()) {
    const states = file.environments[index]?.states ?? []
    areStatesSame = (await insertStates(edit, { project, environment, file, features, segments }, states)) && areStatesSame
  }
  await createMissingDefaultStates(edit, project)
  const counted = { features: file.features.length, segments: file.segments.length, environments: environments.length }
  await recordChange(edit, { type: 'project.imported', project, subject: project.id, after: { name: file.name, ...counted } })
  const areKeysSame = environments.every((environment, index) => seedOf(environment) === seedOf(file.environments[index]))
  const areSegmentsSame = [...segments].every(([old, { id }]) => old === id)
  return { project, environments, isSame: areKeysSame && areSegmentsSame && areStatesSame }
}

/** What the percentages of an environment are drawn with. */
const seedOf = (environment: { readonly api_key: string; readonly hash_key?: string | null | undefined } | undefined) =>
  environment?.hash_key ?? environment?.api_key

const rowsAtOnce = 500

async function inPieces<Row>(rows: readonly Row[], insert: (piece: Row[]) => { execute(): Promise<unknown> }): Promise<void> {
  for (let start = 0; start < rows.length; start += rowsAtOnce) await insert(rows.slice(start, start + rowsAtOnce)).execute()
}

async function insertTags(edit: Edit, project: ProjectRow, { tags }: ExportedProject): Promise<Map<string, number>> {
  const ids = await reserveIds(edit.tx, 'tags_id_seq', tags.length)
  const rows = tags.map((tag, index) => ({ ...tag, id: ids[index], project_id: project.id, created_at: edit.at }))
  await inPieces(rows, (piece) => edit.tx.insertInto('tags').values(piece))
  return new Map(tags.map(({ label }, index) => [label, ids[index] ?? 0]))
}

interface Feature {
  readonly id: number
  /** In the order of the file, which weights refer to. */
  readonly variantIds: readonly number[]
}

async function insertFeatures(
  edit: Edit,
  project: ProjectRow,
  { features }: ExportedProject,
  tags: ReadonlyMap<string, number>,
): Promise<Map<string, Feature>> {
  const { id: project_id } = project
  const ids = await reserveIds(edit.tx, 'features_id_seq', features.length)
  const rows = features.map(({ tags: _tags, value_schema: _schema, variants, ...feature }, index) => ({
    ...feature,
    type: variants.length > 0 ? 'MULTIVARIATE' : feature.type,
    id: ids[index],
    project_id,
    created_at: edit.at,
  }))
  await inPieces(rows, (piece) => edit.tx.insertInto('features').values(piece))
  const variants = features.flatMap((feature, index) => feature.variants.map((variant) => ({ variant, feature_id: ids[index] ?? 0 })))
  const variantIds = await reserveIds(edit.tx, 'variants_id_seq', variants.length)
  const variantRows = variants.map(({ variant, feature_id }, index) => {
    const { key, value, default_weight } = variant
    return { id: variantIds[index], project_id, feature_id, key, value: jsonOf(value), default_weight, created_at: edit.at }
  })
  await inPieces(variantRows, (piece) => edit.tx.insertInto('variants').values(piece))
  const tagged = features.flatMap((feature, index) =>
    [...new Set(feature.tags)].map((label) => ({ feature_id: ids[index] ?? 0, tag_id: tags.get(label) ?? 0 })),
  )
  await inPieces(tagged, (piece) => edit.tx.insertInto('feature_tags').values(piece))
  const schemas = features.flatMap(({ value_schema: schema }, index) =>
    schema === undefined ? [] : [{ feature_id: ids[index] ?? 0, schema: JSON.stringify(schema), updated_at: edit.at }],
  )
  await inPieces(schemas, (piece) => edit.tx.insertInto('feature_value_schemas').values(piece))
  const variantsOf = groupBy(variantRows, ({ feature_id }) => feature_id)
  return new Map(
    features.map(({ name }, index) => {
      const id = ids[index] ?? 0
      return [name, { id, variantIds: (variantsOf.get(id) ?? []).map((variant) => variant.id ?? 0) }]
    }),
  )
}

interface Segment {
  readonly id: number
}

async function insertSegments(
  edit: Edit,
  project: ProjectRow,
  { segments }: ExportedProject,
  features: ReadonlyMap<string, Feature>,
): Promise<Map<number, Segment>> {
  const ids = await keepIds(
    edit.tx,
    'segments',
    segments.map(({ id }) => id),
  )
  const rows = segments.map(({ id, name, description, feature, rules }) => ({
    id: ids.get(id),
    project_id: project.id,
    feature_id: feature === null ? null : (features.get(feature)?.id ?? null),
    name,
    description,
    rules: JSON.stringify(rules),
    created_at: edit.at,
    updated_at: edit.at,
  }))
  await inPieces(rows, (piece) => edit.tx.insertInto('segments').values(piece))
  return new Map(Array.from(ids, ([old, id]) => [old, { id }]))
}

interface StateScope {
  readonly project: ProjectRow
  readonly environment: EnvironmentRow
  readonly file: ExportedProject
  readonly features: ReadonlyMap<string, Feature>
  readonly segments: ReadonlyMap<number, Segment>
}

/** The states of an environment, as the first version of each feature. Answers whether they have the ids that they had. */
async function insertStates(edit: Edit, scope: StateScope, states: ExportedEnvironment['states']): Promise<boolean> {
  const of = { project_id: scope.project.id, environment_id: scope.environment.id }
  const placed = states.map((state) => ({
    state,
    feature: scope.features.get(state.feature) ?? { id: 0, variantIds: [] },
    segment_id: state.segment === null ? null : (scope.segments.get(state.segment)?.id ?? null),
  }))
  await insertPlaces(edit, of, placed)
  const headers = await insertHeaders(
    edit,
    of,
    new Set(placed.filter(({ state }) => state.identifier === null).map(({ feature }) => feature.id)),
  )
  const ids = await keepIds(
    edit.tx,
    'feature_states',
    states.map(({ id }) => id),
  )
  const weightIds = await reserveIds(
    edit.tx,
    'variant_weights_id_seq',
    states.reduce((sum, { weights }) => sum + weights.length, 0),
  )
  const stamp = { live_from: edit.at, created_at: edit.at, updated_at: edit.at }
  let weighed = 0
  const rows = placed.map(({ state, feature, segment_id }) => ({
    ...of,
    ...stamp,
    id: ids.get(state.id),
    feature_id: feature.id,
    segment_id,
    identifier: state.identifier,
    enabled: state.enabled,
    value: jsonOf(state.value),
    variants: JSON.stringify(
      state.weights.map(({ variant, weight }) => {
        weighed += 1
        return { id: weightIds[weighed - 1], uuid: randomUUID(), variant_id: feature.variantIds[variant], weight }
      }),
    ),
    feature_version_id: state.identifier === null ? headers.get(feature.id) : null,
  }))
  await inPieces(rows, (piece) => edit.tx.insertInto('feature_states').values(piece))
  return [...ids].every(([old, id]) => old === id)
}

interface Placed {
  readonly state: ExportedEnvironment['states'][number]
  readonly feature: Feature
  readonly segment_id: number | null
}

async function insertPlaces(edit: Edit, of: { project_id: number; environment_id: number }, placed: readonly Placed[]): Promise<void> {
  const overrides = placed.filter(({ segment_id }) => segment_id !== null)
  const rows = [...groupBy(overrides, ({ feature }) => feature.id).values()].flatMap((own) =>
    own
      .toSorted((one, other) => (one.state.priority ?? 0) - (other.state.priority ?? 0))
      .map(({ feature, segment_id }, priority) => ({
        ...of,
        feature_id: feature.id,
        segment_id: segment_id ?? 0,
        priority,
        created_at: edit.at,
      })),
  )
  await inPieces(rows, (piece) => edit.tx.insertInto('feature_segments').values(piece))
}

async function insertHeaders(edit: Edit, { environment_id }: { environment_id: number }, featureIds: ReadonlySet<number>) {
  const author = { author_kind: edit.actor.kind, author_id: actorId(edit.actor), author_name: edit.actor.name }
  const ids = await reserveIds(edit.tx, 'feature_versions_id_seq', featureIds.size)
  const rows = Array.from(featureIds, (feature_id, index) => ({
    id: ids[index],
    environment_id,
    feature_id,
    number: 1,
    live_from: edit.at,
    comment: 'Imported.',
    ...author,
  }))
  await inPieces(rows, (piece) => edit.tx.insertInto('feature_versions').values(piece))
  return new Map(rows.map((row) => [row.feature_id, row.id]))
}

const jsonOf = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))
