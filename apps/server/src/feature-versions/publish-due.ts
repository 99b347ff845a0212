import { Problem } from '@halyard/contract'
import { sql } from 'kysely'
import * as z from 'zod'
import { system } from '../access/actor.ts'
import { runEdit, type Edit } from '../changes/edit.ts'
import type { FlagScope } from '../feature-states/change-flag.ts'
import type { Database } from '../runtime/database.ts'
import { enqueueMail } from '../runtime/mail.ts'
import type { SecretKeys } from '../runtime/secrets.ts'
import { makeLive, recordVersion, setVersion } from './commands.ts'
import { findConflicts } from './queries.ts'
import { readVersion, type Refusal, type VersionRow } from './rules.ts'

const payloadOf = z.object({ projectId: z.int() })

/**
 * The job that is due when a version is. It makes live whatever of its project is due by the database's clock, in order and each in
 * an edit of its own; what another process did meanwhile is not due any more.
 */
export async function publishDueVersions(control: Database, keys: SecretKeys, payload: unknown): Promise<void> {
  const { projectId } = payloadOf.parse(payload)
  const options = { actor: system('scheduler'), lock: { on: 'project', id: projectId } } as const
  for (let published = true; published;) published = (await runEdit(control, options, (edit) => publishNextDue(edit, keys, projectId))).done
}

async function publishNextDue(edit: Edit, keys: SecretKeys, projectId: number): Promise<boolean> {
  const due = await findNextDue(edit, projectId)
  if (!due) return false
  const { scope, version } = due
  const refusal = await whyNotNow(edit, scope, version)
  if (refusal) await refuse(edit, keys, { scope, version, refusal })
  return true
}

/** Makes it live, or answers why it is not. */
async function whyNotNow(edit: Edit, scope: FlagScope, version: VersionRow): Promise<Refusal | undefined> {
  const conflicts = version.ignore_conflicts ? [] : await findConflicts(edit.tx, scope, version)
  if (conflicts.length > 0) return { detail: 'Another version changed the same meanwhile.', conflicts }
  await sql`savepoint going_live`.execute(edit.tx)
  try {
    await makeLive(edit, scope, version)
    return undefined
  } catch (error) {
    // What it asked for may not be possible any more, such as a share for a variant that was deleted. That will not pass by itself.
    if (!(error instanceof Problem)) throw error
    await sql`rollback to savepoint going_live`.execute(edit.tx)
    return { detail: error.message, conflicts: [] }
  }
}

interface Refused {
  readonly scope: FlagScope
  readonly version: VersionRow
  readonly refusal: Refusal
}

async function refuse(edit: Edit, keys: SecretKeys, { scope, version, refusal }: Refused): Promise<void> {
  const after = await setVersion(edit, version, { refusal: JSON.stringify(refusal) })
  await recordVersion(edit, scope, { type: 'feature_version.refused', before: version, after })
  const author = version.author_kind === 'user' && version.author_id !== null ? await findAddress(edit, version.author_id) : undefined
  if (!author) return
  const { feature, environment, project } = scope
  const others = refusal.conflicts.map((conflict) => conflict.author)
  await enqueueMail(edit.tx, keys, {
    to: author,
    subject: `The scheduled change of ${feature.name} in ${environment.name} was not made`,
    paragraphs: [
      `Your change of “${feature.name}” in “${environment.name}” (${project.name}) was due at ${version.live_from?.toISOString() ?? ''} and was not made.`,
      others.length > 0 ? `${refusal.detail} By: ${[...new Set(others)].join(', ')}.` : refusal.detail,
      'It waits among the scheduled changes: publish it again if it is still to count, or delete it.',
    ],
  })
}

async function findAddress(edit: Edit, userId: number): Promise<string | undefined> {
  const user = await edit.tx.selectFrom('users').select('email').where('id', '=', userId).where('is_active', '=', true).executeTakeFirst()
  return user?.email
}

// By the clock and not by the edit's instant, which may be a moment ahead of it.
async function findNextDue(edit: Edit, projectId: number): Promise<{ scope: FlagScope; version: VersionRow } | undefined> {
  const row = await edit.tx
    .selectFrom('feature_versions')
    .innerJoin('environments', 'environments.id', 'feature_versions.environment_id')
    .innerJoin('features', 'features.id', 'feature_versions.feature_id')
    .innerJoin('projects', 'projects.id', 'environments.project_id')
    .selectAll('feature_versions')
    .where('projects.id', '=', projectId)
    .where('projects.deleted_at', 'is', null)
    .where('environments.deleted_at', 'is', null)
    .where('features.deleted_at', 'is', null)
    .where('number', 'is', null)
    .where('published_at', 'is not', null)
    .where('refusal', 'is', null)
    .where('feature_versions.live_from', '<=', sql<Date>`clock_timestamp()`)
    .orderBy('feature_versions.live_from')
    .orderBy('feature_versions.id')
    .limit(1)
    .executeTakeFirst()
  if (!row) return undefined
  const version = readVersion(row)
  const { tx } = edit
  const project = await tx.selectFrom('projects').selectAll().where('id', '=', projectId).executeTakeFirstOrThrow()
  const environment = await tx.selectFrom('environments').selectAll().where('id', '=', row.environment_id).executeTakeFirstOrThrow()
  const feature = await tx.selectFrom('features').selectAll().where('id', '=', row.feature_id).executeTakeFirstOrThrow()
  return { scope: { project, environment, feature }, version }
}
