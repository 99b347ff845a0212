import { invalid, notFound } from '@halyard/contract'
import { isAllowed } from '../access/decide.ts'
import { findHeld } from '../access/held.ts'
import type { ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { findFeature, type FeatureRow } from '../feature-states/queries.ts'
import { lockProject } from '../projects/commands.ts'
import { listGroupOwners, listMembers, listOwners } from './queries.ts'
import { whyNotOwned } from './rules.ts'

type Feature = Pick<FeatureRow, 'id'>

/** Who looks after a feature, by id. */
export interface Owners {
  readonly owners: readonly number[]
  readonly group_owners: readonly number[]
}

export interface OwnersPatch {
  readonly kind: keyof Owners
  readonly add?: readonly number[]
  readonly remove?: readonly number[]
}

const fields = { owners: 'user_ids', group_owners: 'group_ids' } as const satisfies Record<keyof Owners, string>

export async function changeOwners(edit: Edit, scope: Pick<ProjectRow, 'id'>, id: number, patch: OwnersPatch): Promise<FeatureRow> {
  const project = await lockProject(edit, scope)
  const feature = await findFeature(edit.tx, project, id)
  if (!feature) throw notFound()
  const { kind, add = [], remove = [] } = patch
  const before = await readOwners(edit, feature)
  const had = before[kind]
  // Who may no longer be one can still be taken off.
  await refuseStrangers(edit, project, {
    kind,
    field: fields[kind],
    ids: [...add, ...remove].filter((owner) => !had.includes(owner)),
  })
  const wanted = { ...before, [kind]: [...new Set([...had, ...add])].filter((owner) => !remove.includes(owner)) }
  refuseUnowned(project, wanted, fields[kind])
  await writeOwners(edit, feature, wanted)
  const after = await readOwners(edit, feature)
  await recordChange(edit, {
    type: 'feature.updated',
    project,
    subject: feature.id,
    before: { ...feature, ...before },
    after: { ...feature, ...after },
  })
  return feature
}

/** Who owns a new feature: those who are named, or else whoever makes it. */
export async function chooseOwners(edit: Edit, project: ProjectRow, wanted: Owners): Promise<Owners> {
  await refuseStrangers(edit, project, { kind: 'owners', field: 'owners', ids: wanted.owners })
  await refuseStrangers(edit, project, { kind: 'group_owners', field: 'group_owners', ids: wanted.group_owners })
  const owners = wanted.owners.length === 0 && edit.actor.kind === 'user' ? [edit.actor.id] : [...new Set(wanted.owners)]
  const chosen = { owners, group_owners: [...new Set(wanted.group_owners)] }
  refuseUnowned(project, chosen, 'owners')
  return chosen
}

export async function writeOwners(edit: Edit, feature: Feature, { owners, group_owners: groups }: Owners): Promise<void> {
  await edit.tx
    .deleteFrom('feature_owners')
    .where('feature_id', '=', feature.id)
    .where('user_id', 'not in', [0, ...owners])
    .execute()
  await edit.tx
    .deleteFrom('feature_group_owners')
    .where('feature_id', '=', feature.id)
    .where('group_id', 'not in', [0, ...groups])
    .execute()
  if (owners.length > 0)
    await edit.tx
      .insertInto('feature_owners')
      .values(owners.map((id) => ({ feature_id: feature.id, user_id: id })))
      .onConflict((taken) => taken.doNothing())
      .execute()
  if (groups.length > 0)
    await edit.tx
      .insertInto('feature_group_owners')
      .values(groups.map((id) => ({ feature_id: feature.id, group_id: id })))
      .onConflict((taken) => taken.doNothing())
      .execute()
}

async function readOwners({ tx }: Edit, feature: Feature): Promise<Owners> {
  const owners = await listOwners(tx, [feature])
  const groups = await listGroupOwners(tx, [feature])
  return { owners: owners.map(({ id }) => id), group_owners: groups.map(({ id }) => id) }
}

function refuseUnowned(project: ProjectRow, { owners, group_owners: groups }: Owners, field: string): void {
  const reason = whyNotOwned(project, owners.length + groups.length)
  if (reason) throw invalid({ [field]: [reason] })
}

interface Named {
  readonly kind: keyof Owners
  readonly field: string
  readonly ids: readonly number[]
}

async function refuseStrangers(edit: Edit, project: ProjectRow, { kind, field, ids }: Named): Promise<void> {
  if (ids.length === 0) return
  const found = kind === 'owners' ? await listViewers(edit, project, ids) : await listGroups(edit, project, ids)
  const strangers = [...new Set(ids)].filter((id) => !found.includes(id))
  if (strangers.length === 0) return
  const [who, condition] =
    kind === 'owners'
      ? ['users', 'Owners are people of the organisation who can see the project.']
      : ['groups', 'They must be groups of the organisation.']
  throw invalid({ [field]: [`Some ${who} not found`, `${strangers.join(', ')}: ${condition}`] })
}

/** Those who can see the project. */
async function listViewers({ tx }: Edit, project: ProjectRow, ids: readonly number[]): Promise<number[]> {
  const viewers: number[] = []
  for (const { id } of await listMembers(tx, { id: project.organisation_id }, ids)) {
    const held = await findHeld(tx, { kind: 'user', id }, project.organisation_id)
    if (held && isAllowed(held, 'VIEW_PROJECT', { level: 'project', project })) viewers.push(id)
  }
  return viewers
}

// Locked, so that none of them goes before this is done.
async function listGroups({ tx }: Edit, project: ProjectRow, ids: readonly number[]): Promise<number[]> {
  const groups = await tx
    .selectFrom('groups')
    .select('id')
    .where('organisation_id', '=', project.organisation_id)
    .where('id', 'in', ids)
    .forKeyShare()
    .execute()
  return groups.map(({ id }) => id)
}
