import { sql, type RawBuilder } from 'kysely'
import type { Queryable } from '../access/rows.ts'
import { erased, openPersonal, personOfChange } from '../changes/personal.ts'
import type { SecretKeys } from '../runtime/secrets.ts'

/** Where the record is, and what opens the personal parts of it. */
export interface AuditRecord {
  readonly db: Queryable
  readonly secretKeys: SecretKeys
}

/** Whose record: that of a project, or of organisations together with how their people signed in. */
export type AuditScope = { readonly projectId: number } | { readonly organisationIds: readonly number[] }

export interface AuditFilters {
  readonly project?: number | undefined
  readonly environments?: readonly number[] | undefined
  readonly is_system_event?: boolean | undefined
  readonly author?: number | undefined
  readonly api_key?: number | undefined
  readonly type?: string | undefined
  readonly object?: number | undefined
  readonly from?: Date | undefined
  readonly to?: Date | undefined
  readonly search?: string | undefined
  /** Only what is older than this id. */
  readonly before?: number | undefined
}

export interface AuditRow {
  readonly id: number
  readonly at: Date
  readonly type: string
  readonly organisation_id: number | null
  readonly subject_id: string | null
  readonly subject_uuid: string | null
  readonly subject_name: string | null
  readonly actor_kind: 'user' | 'api_key' | 'system'
  readonly actor_id: number | null
  readonly actor_name: string
  readonly request_id: string | null
  readonly address: string | null
  readonly author: { uuid: string; email: string; first_name: string; last_name: string; signed_in_at: Date | null } | null
  readonly project: { id: number; uuid: string; name: string; organisation: number } | null
  readonly environment: { id: number; uuid: string; name: string; api_key: string; project: number } | null
}

export interface AuditRowWithDetails extends AuditRow {
  readonly before: unknown
  readonly after: unknown
}

/** Counting millions takes longer than reading a page of them: what is beyond is reached by `next`. */
export const countMax = 100_000

export async function listAudit(db: Queryable, scope: AuditScope, filters: AuditFilters, range: { offset: number; limit: number }) {
  const found = await sql<{ id: number }>`
    select id from (${changesOf(scope, filters, range.offset + range.limit)}) as found
     order by id desc offset ${range.offset} limit ${range.limit}`.execute(db)
  const counted = await sql<{ count: number }>`
    select count(*) as count from (${changesOf(scope, { ...filters, before: undefined }, countMax)}) as found`.execute(db)
  return { rows: await readChanges(db, idsOf(found.rows)), count: counted.rows[0]?.count ?? 0 }
}

/** One change with what it did; undefined outside the scope. */
export async function findAudit(record: AuditRecord, scope: AuditScope, id: number): Promise<AuditRowWithDetails | undefined> {
  const found = await sql<{ id: number }>`
    select id from (${changesOf(scope, {}, 1, sql`c.id = ${id}`)}) as found`.execute(record.db)
  return (await readChangesWithDetails(record, idsOf(found.rows)))[0]
}

/** A change that is known to be there, whoever asks: for what is sent on. */
export async function getChange(record: AuditRecord, id: number): Promise<AuditRowWithDetails> {
  const [change] = await readChangesWithDetails(record, [id])
  if (!change) throw new Error(`There is no change ${id}.`)
  return change
}

/** What is kept of what was done to one identity, the newest of it. */
export async function listChangesAbout(
  record: AuditRecord,
  { projectId, pseudonym, limit }: { projectId: number; pseudonym: string; limit: number },
): Promise<AuditRowWithDetails[]> {
  const found = await sql<{ id: number }>`
    select c.id from changes c
     where ${personOfChange} = ${pseudonym} and c.project_id = ${projectId} order by c.id desc limit ${limit}`.execute(record.db)
  return readChangesWithDetails(record, idsOf(found.rows))
}

/** All there is, newest first, in batches: each is found from where the one before ended. */
export async function* exportAudit(record: AuditRecord, scope: AuditScope, filters: AuditFilters): AsyncGenerator<AuditRowWithDetails[]> {
  const batch = 500
  for (let before: number | undefined; ;) {
    const found = await sql<{ id: number }>`
      select id from (${changesOf(scope, { ...filters, before }, batch)}) as found order by id desc limit ${batch}`.execute(record.db)
    const rows = await readChangesWithDetails(record, idsOf(found.rows))
    if (rows.length > 0) yield rows
    if (rows.length < batch) return
    before = rows.at(-1)?.id
  }
}

const idsOf = (rows: readonly { id: number }[]): number[] => rows.map(({ id }) => id)

/** Ids of at least the newest `limit` changes; a branch for each index, so that none of them reads what is not asked for. */
function changesOf(scope: AuditScope, filters: AuditFilters, limit: number, only: RawBuilder<unknown> = sql`true`): RawBuilder<unknown> {
  const wanted = sql`${only} and ${conditionsOf(filters)} order by c.id desc limit ${limit}`
  if ('projectId' in scope) return sql`select c.id from changes c where c.project_id = ${scope.projectId} and ${wanted}`
  const organisations = sql`${scope.organisationIds}::integer[]`
  return sql`
    select found.id from unnest(${organisations}) as o (id)
     cross join lateral (select c.id from changes c where c.organisation_id = o.id and ${wanted}) as found
    union
    select found.id from (select distinct user_id from organisation_members where organisation_id = any(${organisations})) as m
     cross join lateral (
       select c.id from changes c
        where c.organisation_id is null and c.actor_kind = 'user' and c.actor_id = m.user_id and ${wanted}) as found
     order by id desc limit ${limit}`
}

function conditionsOf(filters: AuditFilters): RawBuilder<unknown> {
  const conditions = [
    filters.before !== undefined && sql`c.id < ${filters.before}`,
    filters.project !== undefined && sql`c.project_id = ${filters.project}`,
    filters.environments !== undefined && sql`c.environment_id = any(${filters.environments}::integer[])`,
    filters.is_system_event !== undefined && sql`(c.actor_kind = 'system') = ${filters.is_system_event}`,
    filters.author !== undefined && sql`c.actor_kind = 'user' and c.actor_id = ${filters.author}`,
    filters.api_key !== undefined && sql`c.actor_kind = 'api_key' and c.actor_id = ${filters.api_key}`,
    filters.type !== undefined && sql`(c.type = ${filters.type} or starts_with(c.type, ${`${filters.type}.`}))`,
    filters.object !== undefined && sql`c.subject_id = ${String(filters.object)}`,
    filters.from !== undefined && sql`c.at >= ${filters.from}`,
    filters.to !== undefined && sql`c.at < ${filters.to}`,
    filters.search !== undefined && filters.search !== '' && isLike(filters.search),
  ]
  return sql.join([sql`true`, ...conditions.filter((condition) => condition !== false)], sql` and `)
}

function isLike(search: string): RawBuilder<unknown> {
  const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`
  return sql`(c.subject_name ilike ${pattern} or c.actor_name ilike ${pattern} or c.type ilike ${pattern}
    or ${personOfChange} = any(array(select pseudonym from identity_keys where identifier = ${search} and sealed_key is not null)))`
}

const columns = sql`
  c.id, c.at, c.type, c.organisation_id, c.subject_id, 
  coalesce(c.subject_name, case when c.type like 'identity.%' then coalesce(k.identifier, ${erased}) end) as subject_name, coalesce(c.after ->> 'uuid', c.before ->> 'uuid') as subject_uuid,
  c.actor_kind, c.actor_id, c.actor_name, c.request_id, c.address,
  case when u.id is not null then jsonb_build_object('uuid', u.uuid, 'email', u.email, 'first_name', u.first_name,
    'last_name', u.last_name) end as author, u.signed_in_at,
  case when p.id is not null then jsonb_build_object('id', p.id, 'uuid', p.uuid, 'name', p.name, 'organisation', p.organisation_id) end as project,
  case when e.id is not null then jsonb_build_object('id', e.id, 'uuid', e.uuid, 'name', e.name, 'api_key', e.api_key,
    'project', e.project_id) end as environment`

const sources = sql`
  changes c
  left join users u on c.actor_kind = 'user' and u.id = c.actor_id
  left join projects p on p.id = c.project_id
  left join environments e on e.id = c.environment_id
  left join identity_keys k on c.type like 'identity.%' and k.pseudonym = c.subject_id and k.sealed_key is not null`

type Selected<Row extends AuditRow> = Omit<Row, 'author'> & {
  readonly author: Omit<NonNullable<AuditRow['author']>, 'signed_in_at'> | null
  readonly signed_in_at: Date | null
}

const readAuthor = <Row extends AuditRow>({ author, signed_in_at: signedInAt, ...row }: Selected<Row>) => ({
  ...row,
  author: author && { ...author, signed_in_at: signedInAt },
})

async function readChanges(db: Queryable, ids: readonly number[]): Promise<AuditRow[]> {
  const { rows } = await sql<Selected<AuditRow>>`
    select ${columns} from ${sources} where c.id = any(${ids}::bigint[]) order by c.id desc`.execute(db)
  return rows.map(readAuthor)
}

async function readChangesWithDetails(record: AuditRecord, ids: readonly number[]): Promise<AuditRowWithDetails[]> {
  const { rows } = await sql<Selected<AuditRowWithDetails>>`
    select ${columns}, c.before, c.after from ${sources} where c.id = any(${ids}::bigint[]) order by c.id desc`.execute(record.db)
  return openPersonal(
    record,
    rows.map(({ before, after, ...row }) => ({ ...readAuthor(row), before, after })),
  )
}
