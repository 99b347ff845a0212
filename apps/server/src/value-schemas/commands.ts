import { invalid, notFound } from '@halyard/contract'
import type { ProjectRow } from '../access/rows.ts'
import type { Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { findFeature } from '../feature-states/queries.ts'
import { findValueSchema, whyNotSchema, whyValueIsRefused, type ValueSchema } from '../feature-states/value-schema.ts'
import { lockProject } from '../projects/commands.ts'
import { listValues } from './queries.ts'

interface Wanted {
  readonly schema: ValueSchema
  readonly acceptExisting: boolean
}

export async function replaceValueSchema(edit: Edit, scope: Pick<ProjectRow, 'id'>, featureId: number, wanted: Wanted): Promise<void> {
  const { project, feature } = await lockFeature(edit, scope, featureId)
  const reason = whyNotSchema(wanted.schema)
  if (reason) throw invalid({ schema: [reason] })
  const before = await findValueSchema(edit.tx, feature.id)
  if (!wanted.acceptExisting) {
    const values = await listValues(edit.tx, feature)
    const breaches = values.flatMap(({ where, value }) => {
      const breach = whyValueIsRefused(wanted.schema, value)
      return breach ? [`${where}: ${breach}`] : []
    })
    if (breaches.length > 0)
      throw invalid({
        schema: [
          ...breaches.slice(0, breachesShown),
          'Change these values first, or send "accept_existing_values": true to leave them as they are.',
        ],
      })
  }
  const row = { schema: JSON.stringify(wanted.schema), updated_at: edit.at }
  await edit.tx
    .insertInto('feature_value_schemas')
    .values({ feature_id: feature.id, ...row })
    .onConflict((existing) => existing.column('feature_id').doUpdateSet(row))
    .execute()
  await recordChange(edit, {
    type: 'value_schema.updated',
    project,
    subject: feature.id,
    before: { schema: before ?? null },
    after: { schema: wanted.schema },
  })
}

const breachesShown = 20

export async function deleteValueSchema(edit: Edit, scope: Pick<ProjectRow, 'id'>, featureId: number): Promise<void> {
  const { project, feature } = await lockFeature(edit, scope, featureId)
  const before = await findValueSchema(edit.tx, feature.id)
  if (before === undefined) throw notFound()
  await edit.tx.deleteFrom('feature_value_schemas').where('feature_id', '=', feature.id).execute()
  await recordChange(edit, { type: 'value_schema.deleted', project, subject: feature.id, before: { schema: before } })
}

async function lockFeature(edit: Edit, scope: Pick<ProjectRow, 'id'>, id: number) {
  const project = await lockProject(edit, scope)
  const feature = await findFeature(edit.tx, project, id)
  if (!feature) throw notFound()
  return { project, feature }
}
