import { notFound, type api, type Body } from '@halyard/contract'
import type { OrganisationRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { lockOrganisation } from '../organisations/commands.ts'
import { hashKey, newEnvironmentKey, newSecret } from '../runtime/secrets.ts'
import { findMasterApiKeyForUpdate, type MasterApiKeyRow } from './queries.ts'

const prefixLength = 8

/** Answers with the whole key too: it is stored as its hash only, so nobody can show it again. */
export async function createMasterApiKey(edit: Edit, organisation: OrganisationRow, settings: Body<typeof api.masterApiKeys.create>) {
  await lockOrganisation(edit, organisation)
  const prefix = newEnvironmentKey().slice(0, prefixLength)
  const key = `${prefix}.${newSecret()}`
  const row = await edit.tx
    .insertInto('master_api_keys')
    .values({
      organisation_id: organisation.id,
      prefix,
      hashed_key: hashKey(key),
      name: settings.name,
      is_admin: settings.is_admin,
      expires_at: settings.expiry_date,
      created_by: edit.actor.kind === 'user' ? edit.actor.id : null,
      created_at: edit.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'master_api_key.created', organisation, subject: row.id, after: row })
  return { row, key }
}

export type MasterApiKeyPatch = Body<typeof api.masterApiKeys.update> & { prefix: string }

export async function updateMasterApiKey(edit: Edit, organisation: OrganisationRow, patch: MasterApiKeyPatch): Promise<MasterApiKeyRow> {
  const before = await lockMasterApiKey(edit, organisation, patch.prefix)
  const after = await edit.tx
    .updateTable('master_api_keys')
    .set({
      name: patch.name ?? before.name,
      is_admin: patch.is_admin ?? before.is_admin,
      expires_at: patch.expiry_date === undefined ? before.expires_at : patch.expiry_date,
      revoked_at: patch.revoked ? (before.revoked_at ?? edit.at) : null,
    })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  // An administrator needs no roles, and must not be left with old ones when it ceases to be one.
  if (after.is_admin && !before.is_admin) await edit.tx.deleteFrom('role_assignments').where('master_api_key_id', '=', before.id).execute()
  await recordChange(edit, { type: 'master_api_key.updated', organisation, subject: before.id, before, after })
  return after
}

export async function deleteMasterApiKey(edit: Edit, organisation: OrganisationRow, prefix: string): Promise<void> {
  const before = await lockMasterApiKey(edit, organisation, prefix)
  await edit.tx.updateTable('master_api_keys').set({ deleted_at: edit.at }).where('id', '=', before.id).execute()
  await recordChange(edit, { type: 'master_api_key.deleted', organisation, subject: before.id, before })
}

async function lockMasterApiKey(edit: Edit, organisation: OrganisationRow, prefix: string): Promise<MasterApiKeyRow> {
  const key = await findMasterApiKeyForUpdate(edit.tx, organisation, prefix)
  if (!key) throw notFound()
  return key
}
