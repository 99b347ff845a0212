import { conflict, invalid, notFound, unknownId } from '@halyard/contract'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { grantsAt, readGrant, type Granted, type GrantPlace, type GrantRow, type HolderKind } from './queries.ts'

interface Created {
  readonly organisation_id: number
  readonly project_id: number
  readonly environment_id?: number
}

/** Part of commands that create projects and environments; they record the change. API keys are granted nothing by creating. */
export async function grantToCreator(edit: Edit, place: Created): Promise<void> {
  const { tx, actor } = edit
  if (actor.kind !== 'user') return
  // Whoever left the organisation meanwhile is granted nothing; whoever is about to leave waits.
  await tx
    .insertInto('grants')
    .columns(['organisation_id', 'project_id', 'environment_id', 'user_id', 'is_admin'])
    .expression((insert) =>
      insert
        .selectFrom('organisation_members')
        .select((select) => [
          'organisation_id',
          select.val(place.project_id).as('project_id'),
          select.val(place.environment_id ?? null).as('environment_id'),
          'user_id',
          select.val(true).as('is_admin'),
        ])
        .where('organisation_id', '=', place.organisation_id)
        .where('user_id', '=', actor.id)
        .forKeyShare(),
    )
    .execute()
}

type Holder = { readonly kind: HolderKind; readonly id: number }

export interface GrantContent {
  readonly permissions: Granted
  /** Undefined: as it is. */
  readonly isAdmin?: boolean | undefined
}

export async function createGrant(edit: Edit, place: GrantPlace, holder: Holder, content: GrantContent): Promise<GrantRow> {
  if (!(await isThere(edit, place, holder))) throw invalid({ [holder.kind]: [unknownId(holder.id)] })
  const row = await edit.tx
    .insertInto('grants')
    .values({
      organisation_id: place.organisation.id,
      project_id: place.project?.id ?? null,
      environment_id: place.environment?.id ?? null,
      [`${holder.kind}_id`]: holder.id,
      is_admin: place.project !== undefined && (content.isAdmin ?? false),
      permissions: JSON.stringify(content.permissions),
    })
    .onConflict((taken) => taken.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!row) throw conflict(`This ${holder.kind} was granted permissions here before: change what was granted instead.`)
  const after = readGrant(row)
  await recordChange(edit, { type: 'grant.created', ...recordedAt(place), subject: after.id, after })
  return after
}

/** Replaces the permissions. */
export async function updateGrant(
  edit: Edit,
  place: GrantPlace,
  which: { kind: HolderKind; id: number },
  content: GrantContent,
): Promise<GrantRow> {
  const before = await lockGrant(edit, place, which)
  const row = await edit.tx
    .updateTable('grants')
    .set({
      permissions: JSON.stringify(content.permissions),
      is_admin: before.project_id !== null && (content.isAdmin ?? before.is_admin),
    })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  const after = readGrant(row)
  await recordChange(edit, { type: 'grant.updated', ...recordedAt(place), subject: after.id, before, after })
  return after
}

export async function deleteGrant(edit: Edit, place: GrantPlace, which: { kind: HolderKind; id: number }): Promise<void> {
  const before = await lockGrant(edit, place, which)
  await edit.tx.deleteFrom('grants').where('id', '=', before.id).execute()
  await recordChange(edit, { type: 'grant.deleted', ...recordedAt(place), subject: before.id, before })
}

const recordedAt = ({ organisation, project, environment }: GrantPlace) => ({
  organisation,
  ...(project && { project }),
  ...(environment && { environment }),
})

async function lockGrant(edit: Edit, place: GrantPlace, { kind, id }: { kind: HolderKind; id: number }): Promise<GrantRow> {
  const row = await grantsAt(edit.tx, place, kind).selectAll('grants').where('grants.id', '=', id).forNoKeyUpdate().executeTakeFirst()
  if (!row) throw notFound()
  return readGrant(row)
}

// Locked, so that nobody leaves meanwhile.
async function isThere({ tx }: Edit, { organisation }: GrantPlace, { kind, id }: Holder): Promise<boolean> {
  const ofOrganisation = { organisation_id: organisation.id }
  const found =
    kind === 'user'
      ? await tx
          .selectFrom('organisation_members')
          .select('user_id')
          .where((where) => where.and({ ...ofOrganisation, user_id: id }))
          .forKeyShare()
          .executeTakeFirst()
      : await tx
          .selectFrom(kind === 'group' ? 'groups' : 'roles')
          .select('id')
          .where((where) => where.and({ ...ofOrganisation, id }))
          .forKeyShare()
          .executeTakeFirst()
  return found !== undefined
}
