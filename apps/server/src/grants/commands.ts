import type { Edit } from '../changes/edit.ts'

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
