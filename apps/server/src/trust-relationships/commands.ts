import { invalid, notFound, type api, type Body } from '@halyard/contract'
import type { OrganisationRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { createMasterApiKey } from '../master-api-keys/commands.ts'
import { findTrustRelationship, type TrustRelationship } from './queries.ts'

type Settings = Body<typeof api.trustRelationships.create>

/** With a key of its own to act as, of which nobody learns the secret. */
export async function createTrustRelationship(edit: Edit, organisation: OrganisationRow, settings: Settings): Promise<TrustRelationship> {
  await refuseTaken(edit, settings)
  const { row: key } = await createMasterApiKey(edit, organisation, {
    name: settings.name.slice(0, 50),
    is_admin: settings.is_admin,
    expiry_date: null,
  })
  const { id } = await edit.tx
    .insertInto('trust_relationships')
    .values({
      organisation_id: organisation.id,
      master_api_key_id: key.id,
      name: settings.name,
      issuer: settings.issuer,
      audience: settings.audience,
      claim_rules: JSON.stringify(settings.claim_rules),
      created_by: edit.actor.kind === 'user' ? edit.actor.id : null,
      created_at: edit.at,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const after = await getTrustRelationship(edit, organisation, id)
  await recordChange(edit, { type: 'trust_relationship.created', organisation, subject: id, after })
  return after
}

export async function updateTrustRelationship(
  edit: Edit,
  organisation: OrganisationRow,
  { id, ...patch }: Body<typeof api.trustRelationships.update> & { id: number },
): Promise<TrustRelationship> {
  const before = await getTrustRelationship(edit, organisation, id)
  const { is_admin, claim_rules, ...columns } = patch
  await refuseTaken(edit, { issuer: patch.issuer ?? before.issuer, audience: patch.audience ?? before.audience }, id)
  await edit.tx
    .updateTable('trust_relationships')
    .set({ name: before.name, ...columns, claim_rules: JSON.stringify(claim_rules ?? before.claim_rules) })
    .where('id', '=', id)
    .execute()
  await edit.tx
    .updateTable('master_api_keys')
    .set({ is_admin: is_admin ?? before.is_admin, name: (patch.name ?? before.name).slice(0, 50) })
    .where('id', '=', before.master_api_key_id)
    .execute()
  const after = await getTrustRelationship(edit, organisation, id)
  await recordChange(edit, { type: 'trust_relationship.updated', organisation, subject: id, before, after })
  return after
}

export async function deleteTrustRelationship(edit: Edit, organisation: OrganisationRow, id: number): Promise<void> {
  const before = await getTrustRelationship(edit, organisation, id)
  await edit.tx.deleteFrom('trust_relationships').where('id', '=', id).execute()
  await edit.tx
    .updateTable('master_api_keys')
    .set({ revoked_at: edit.at, deleted_at: edit.at })
    .where('id', '=', before.master_api_key_id)
    .execute()
  await recordChange(edit, { type: 'trust_relationship.deleted', organisation, subject: id, before })
}

/** Who came, in the record of the organisation. */
export async function recordExchange(edit: Edit, relationship: TrustRelationship, claims: { sub: string | null }): Promise<void> {
  const organisation = { id: relationship.organisation_id }
  await recordChange(edit, { type: 'trust_relationship.token_issued', organisation, subject: relationship.id, after: claims })
}

async function getTrustRelationship(edit: Edit, organisation: OrganisationRow, id: number): Promise<TrustRelationship> {
  const found = await findTrustRelationship(edit.tx, organisation, id)
  if (!found) throw notFound()
  return found
}

async function refuseTaken(edit: Edit, { issuer, audience }: { issuer: string; audience: string }, except = 0): Promise<void> {
  const taken = await edit.tx
    .selectFrom('trust_relationships')
    .select('id')
    .where('issuer', '=', issuer)
    .where('audience', '=', audience)
    .where('id', '<>', except)
    .executeTakeFirst()
  if (taken) throw invalid({ audience: ['This issuer is trusted for this audience already. Choose an audience that is yours alone.'] })
}
