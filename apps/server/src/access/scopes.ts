import type { EnvironmentChild, ProjectChild } from '@halyard/contract'
import type { Queryable, ScopeRows } from './rows.ts'

const idMax = 2_147_483_647
const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const asId = (value: unknown): number | undefined => {
  const id = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value
  return typeof id === 'number' && Number.isInteger(id) && id > 0 && id <= idMax ? id : undefined
}
export const isUuid = (text: string): boolean => uuidForm.test(text)
const asUuid = (value: unknown): string | undefined => (typeof value === 'string' && isUuid(value) ? value : undefined)
const asText = (value: unknown): string | undefined =>
  typeof value === 'string' && value.isWellFormed() && !value.includes('\0') ? value : undefined

export async function findOrganisationScope(db: Queryable, by: 'id' | 'uuid', value: unknown): Promise<ScopeRows | undefined> {
  const wanted = by === 'id' ? asId(value) : asUuid(value)
  if (wanted === undefined) return undefined
  const organisation = await db
    .selectFrom('organisations')
    .selectAll()
    .where(by, '=', wanted)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return organisation && { organisation }
}

export async function findProjectScope(db: Queryable, by: 'id' | 'uuid' | ProjectChild, value: unknown): Promise<ScopeRows | undefined> {
  const id = await findProjectId(db, by, value)
  if (id === undefined) return undefined
  const project = await db.selectFrom('projects').selectAll().where('id', '=', id).where('deleted_at', 'is', null).executeTakeFirst()
  if (!project) return undefined
  const above = await findOrganisationScope(db, 'id', project.organisation_id)
  return above && { ...above, project }
}

export async function findEnvironmentScope(
  db: Queryable,
  by: 'id' | 'uuid' | 'key' | EnvironmentChild,
  value: unknown,
): Promise<ScopeRows | undefined> {
  const id = await findEnvironmentId(db, by, value)
  if (id === undefined) return undefined
  const environment = await db
    .selectFrom('environments')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (!environment) return undefined
  const above = await findProjectScope(db, 'id', environment.project_id)
  return above && { ...above, environment }
}

const projectChildren = {
  feature_uuid: 'features',
  segment_uuid: 'segments',
  tag_uuid: 'tags',
  variant_uuid: 'variants',
} as const satisfies Record<ProjectChild, string>

async function findProjectId(db: Queryable, by: 'id' | 'uuid' | ProjectChild, value: unknown): Promise<number | undefined> {
  if (by === 'id') return asId(value)
  const uuid = asUuid(value)
  if (uuid === undefined) return undefined
  if (by === 'uuid') return (await db.selectFrom('projects').select('id').where('uuid', '=', uuid).executeTakeFirst())?.id
  return (await db.selectFrom(projectChildren[by]).select('project_id').where('uuid', '=', uuid).executeTakeFirst())?.project_id
}

const environmentChildren = {
  feature_segment: { table: 'feature_segments', column: 'id' },
  feature_segment_uuid: { table: 'feature_segments', column: 'uuid' },
  feature_export: { table: 'feature_exports', column: 'id' },
  feature_state: { table: 'feature_states', column: 'id' },
  feature_state_uuid: { table: 'feature_states', column: 'uuid' },
  feature_version_uuid: { table: 'feature_versions', column: 'uuid' },
} as const satisfies Record<EnvironmentChild, { table: string; column: string }>

async function findEnvironmentId(db: Queryable, by: 'id' | 'uuid' | 'key' | EnvironmentChild, value: unknown): Promise<number | undefined> {
  if (by === 'id') return asId(value)
  if (by === 'key') return findEnvironmentColumn(db, 'api_key', asText(value))
  if (by === 'uuid') return findEnvironmentColumn(db, 'uuid', asUuid(value))
  const { table, column } = environmentChildren[by]
  const wanted = column === 'id' ? asId(value) : asUuid(value)
  if (wanted === undefined) return undefined
  return (await db.selectFrom(table).select('environment_id').where(column, '=', wanted).executeTakeFirst())?.environment_id
}

async function findEnvironmentColumn(db: Queryable, column: 'api_key' | 'uuid', value: string | undefined): Promise<number | undefined> {
  if (value === undefined) return undefined
  return (await db.selectFrom('environments').select('id').where(column, '=', value).executeTakeFirst())?.id
}
