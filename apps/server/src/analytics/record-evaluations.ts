import { sql } from 'kysely'
import { system } from '../access/actor.ts'
import { runEdit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import type { Database } from '../runtime/database.ts'

interface EvaluatedFeature {
  readonly environmentId: number
  readonly featureName: string
}

/** Notes that features were evaluated, to the minute: what is evaluated all the time is not written all the time. */
export async function noteEvaluatedFeatures(control: Database, features: readonly EvaluatedFeature[], at: Date): Promise<void> {
  const distinct = [...new Map(features.map((each) => [`${each.environmentId} ${each.featureName}`, each])).values()]
  if (distinct.length === 0) return
  await sql`
    insert into evaluated_features as e (environment_id, feature_name, first_evaluated_at, last_evaluated_at)
    select environment_id, feature_name, ${at}, ${at}
      from unnest(${distinct.map((each) => each.environmentId)}::integer[], ${distinct.map((each) => each.featureName)}::text[])
        as seen (environment_id, feature_name)
    on conflict (environment_id, feature_name) do update set last_evaluated_at = excluded.last_evaluated_at
     where e.last_evaluated_at < excluded.last_evaluated_at - interval '1 minute'`.execute(control.db)
}

/** Records the first request of an SDK in an environment, once however many processes see it: whoever sets it up waits for this. */
export async function announceFirstEvaluation(control: Database, environmentId: number, sdkLabel: string | undefined): Promise<void> {
  const environment = await control.db
    .selectFrom('environments')
    .innerJoin('projects', 'projects.id', 'environments.project_id')
    .leftJoin('first_evaluations', 'first_evaluations.environment_id', 'environments.id')
    .select(['environments.id', 'project_id', 'projects.organisation_id', 'first_evaluations.at as announced_at'])
    .where('environments.id', '=', environmentId)
    .executeTakeFirst()
  if (!environment || environment.announced_at) return
  const { id, project_id, organisation_id } = environment
  await runEdit(control, { actor: system('SDK'), lock: { on: 'project', id: project_id } }, async (edit) => {
    const first = await edit.tx
      .insertInto('first_evaluations')
      .values({ environment_id: id, at: edit.at, sdk_label: sdkLabel ?? null })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst()
    if (!first) return
    const project = { id: project_id, organisation_id }
    await recordChange(edit, { type: 'environment.first_evaluated', project, environment: { id, project_id }, subject: id, after: first })
  })
}
