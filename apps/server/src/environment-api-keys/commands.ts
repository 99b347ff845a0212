import { notFound, type api, type Body } from '@halyard/contract'
import type { EnvironmentRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { lockEnvironment } from '../environments/commands.ts'
import { newEnvironmentKey } from '../runtime/secrets.ts'
import type { EnvironmentApiKeyRow } from './queries.ts'

export async function createEnvironmentApiKey(
  edit: Edit,
  { id, project_id }: EnvironmentRow,
  settings: Body<typeof api.environmentApiKeys.create>,
): Promise<EnvironmentApiKeyRow> {
  const { project, before: environment } = await lockEnvironment(edit, { id, project_id })
  const key = await edit.tx
    .insertInto('environment_api_keys')
    .values({ ...settings, key: `ser.${newEnvironmentKey()}`, environment_id: environment.id, created_at: edit.at })
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'environment_api_key.created', project, environment, subject: key.id, after: withoutKey(key) })
  return key
}

export type EnvironmentApiKeyPatch = Body<typeof api.environmentApiKeys.update> & { id: number }

export async function updateEnvironmentApiKey(
  edit: Edit,
  environment: EnvironmentRow,
  patch: EnvironmentApiKeyPatch,
): Promise<EnvironmentApiKeyRow> {
  const { project, before } = await lockEnvironmentApiKey(edit, environment, patch.id)
  const after = await edit.tx
    .updateTable('environment_api_keys')
    .set({
      name: patch.name ?? before.name,
      active: patch.active ?? before.active,
      expires_at: patch.expires_at === undefined ? before.expires_at : patch.expires_at,
    })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, {
    type: 'environment_api_key.updated',
    project,
    environment,
    subject: before.id,
    before: withoutKey(before),
    after: withoutKey(after),
  })
  return after
}

export async function deleteEnvironmentApiKey(edit: Edit, environment: EnvironmentRow, id: number): Promise<void> {
  const { project, before } = await lockEnvironmentApiKey(edit, environment, id)
  await edit.tx.deleteFrom('environment_api_keys').where('id', '=', before.id).execute()
  await recordChange(edit, { type: 'environment_api_key.deleted', project, environment, subject: before.id, before: withoutKey(before) })
}

async function lockEnvironmentApiKey(edit: Edit, environment: EnvironmentRow, id: number) {
  const { project } = await lockEnvironment(edit, environment)
  const before = await edit.tx
    .selectFrom('environment_api_keys')
    .selectAll()
    .where('id', '=', id)
    .where('environment_id', '=', environment.id)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!before) throw notFound()
  return { project, before }
}

// More people may read the change log than may see keys.
function withoutKey({ key: _key, ...rest }: EnvironmentApiKeyRow): Omit<EnvironmentApiKeyRow, 'key'> {
  return rest
}
