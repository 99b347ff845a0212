import { invalid, notFound, type api, type Body } from '@halyard/contract'
import type { EnvironmentRow, ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { cloneStates } from '../feature-states/clone-states.ts'
import { createDefaultStates } from '../feature-states/default-states.ts'
import { grantToCreator } from '../grants/commands.ts'
import { lockProject } from '../projects/commands.ts'
import { newEnvironmentKey } from '../runtime/secrets.ts'
import { isEnvironmentKeyTaken, isEnvironmentNameTaken } from './queries.ts'

export type EnvironmentSettings = Body<typeof api.environments.update>

/** What a new environment is; with an id when one was reserved before, and with what its percentages were drawn with elsewhere. */
export type NewEnvironment = EnvironmentSettings & {
  readonly name: string
  readonly id?: number | undefined
  readonly hash_key?: string | undefined
}

export async function createEnvironment(edit: Edit, { id }: Pick<ProjectRow, 'id'>, settings: NewEnvironment): Promise<EnvironmentRow> {
  const project = await lockProject(edit, { id })
  await refuseTaken(edit, project, settings)
  const environment = await insertEnvironment(edit, project, settings)
  const features = await edit.tx
    .selectFrom('features')
    .select(['id', 'default_enabled', 'initial_value'])
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .execute()
  await createDefaultStates(edit, { project, environments: [environment], features })
  await recordChange(edit, { type: 'environment.created', project, environment, subject: environment.id, after: environment })
  return environment
}

/** Another environment with the same settings, defaults and segment overrides; lineages of its own, so that percentages are drawn anew. */
export async function cloneEnvironment(edit: Edit, source: EnvironmentRow, name: string): Promise<EnvironmentRow> {
  const { project, before } = await lockEnvironment(edit, source)
  await refuseTaken(edit, project, { name })
  const {
    id: _id,
    uuid: _uuid,
    api_key: _key,
    hash_key: _hashKey,
    project_id: _project,
    created_at: _created,
    deleted_at: _deleted,
    ...settings
  } = before
  const environment = await insertEnvironment(edit, project, { ...settings, name })
  await cloneStates(edit, before, environment)
  const after = { ...environment, cloned_from: before.id }
  await recordChange(edit, { type: 'environment.created', project, environment, subject: environment.id, after })
  return environment
}

async function insertEnvironment(edit: Edit, project: ProjectRow, settings: NewEnvironment): Promise<EnvironmentRow> {
  const environment = await edit.tx
    .insertInto('environments')
    .values({ ...settings, api_key: settings.api_key ?? newEnvironmentKey(), project_id: project.id, created_at: edit.at })
    .returningAll()
    .executeTakeFirstOrThrow()
  await edit.tx
    .insertInto('environment_revisions')
    .values({ environment_id: environment.id, revision: 1, updated_at: edit.at, streamed_at: edit.at })
    .execute()
  await grantToCreator(edit, { organisation_id: project.organisation_id, project_id: project.id, environment_id: environment.id })
  return environment
}

export async function updateEnvironment(edit: Edit, environment: EnvironmentRow, settings: EnvironmentSettings): Promise<EnvironmentRow> {
  const { project, before } = await lockEnvironment(edit, environment)
  await refuseTaken(edit, project, {
    own: before,
    name: settings.name === before.name ? undefined : settings.name,
    api_key: settings.api_key === before.api_key ? undefined : settings.api_key,
  })
  const after = await edit.tx
    .updateTable('environments')
    .set({ ...settings, name: settings.name ?? before.name, ...hashKeyAfter(before, settings.api_key) })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'environment.updated', project, environment: after, subject: before.id, before, after })
  return after
}

/** Another client-side key, beside which the old one works until `oldKeyWorksUntil`. */
export async function rotateKey(edit: Edit, environment: EnvironmentRow, oldKeyWorksUntil: Date): Promise<EnvironmentRow> {
  const { project, before } = await lockEnvironment(edit, environment)
  const key = newEnvironmentKey()
  await edit.tx
    .insertInto('former_client_keys')
    .values({ key: before.api_key, environment_id: before.id, works_until: oldKeyWorksUntil, created_at: edit.at })
    .onConflict((again) => again.column('key').doUpdateSet({ works_until: oldKeyWorksUntil }))
    .execute()
  const after = await edit.tx
    .updateTable('environments')
    .set({ api_key: key, ...hashKeyAfter(before, key) })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const change = { type: 'environment.key_rotated', project, environment: after, subject: before.id, before } as const
  await recordChange(edit, { ...change, after: { ...after, old_key_works_until: oldKeyWorksUntil } })
  return after
}

// Who gets which variant is hashed with the key: it must not change with it.
const hashKeyAfter = (before: EnvironmentRow, key: string | undefined): { hash_key?: string } =>
  key === undefined || key === before.api_key ? {} : { hash_key: before.hash_key ?? before.api_key }

export async function deleteEnvironment(edit: Edit, environment: EnvironmentRow): Promise<void> {
  const { project, before } = await lockEnvironment(edit, environment)
  const after = await edit.tx
    .updateTable('environments')
    .set({ deleted_at: edit.at })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'environment.deleted', project, environment: after, subject: before.id, before, after })
}

/** The environment and its project as they are now; 404 if either was deleted meanwhile. */
export async function lockEnvironment(edit: Edit, { id, project_id }: Pick<EnvironmentRow, 'id' | 'project_id'>) {
  const project = await lockProject(edit, { id: project_id })
  const before = await edit.tx
    .selectFrom('environments')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', project.id)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!before) throw notFound()
  return { project, before }
}

async function refuseTaken(
  edit: Edit,
  project: ProjectRow,
  wanted: { own?: EnvironmentRow; name?: string | undefined; api_key?: string | undefined },
): Promise<void> {
  if (wanted.name !== undefined && (await isEnvironmentNameTaken(edit.tx, project, wanted.name))) {
    throw invalid({ name: ['An environment with this name already exists.'] })
  }
  if (wanted.api_key !== undefined && (await isEnvironmentKeyTaken(edit.tx, wanted.api_key, wanted.own))) {
    throw invalid({ api_key: ['An environment with this api_key exists, or another had it before.'] })
  }
}
