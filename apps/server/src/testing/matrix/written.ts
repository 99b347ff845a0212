import type { TestServer } from '../start-server.ts'
import type { Fields } from './bodies.ts'

export interface Column {
  readonly table: string
  readonly name: string
  readonly type: string
}

/** Every column of every table. */
export async function everyColumn({ control }: TestServer): Promise<Column[]> {
  const { rows } = await control.pool.query<Column>(
    `select c.table_name as table, c.column_name as name, c.data_type as type
     from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
     where table_schema = current_schema() and table_type = 'BASE TABLE' order by 1, 2`,
  )
  return rows
}

export interface Written {
  readonly table: string
  readonly row: Fields
}

/** What some requests were answered, and the rows that were written meanwhile, whoever wrote them. */
export async function writing<T>({ control }: TestServer, tables: readonly string[], requests: () => Promise<T>) {
  const { rows: began } = await control.pool.query<{ id: string }>('select txid_current()::text as id')
  const answered = await requests()
  const each = tables.map(
    (table) => `select '${table}' as table, to_jsonb(t) as row from "${table}" t where t.xmin::text::bigint > ${began[0]?.id}`,
  )
  const { rows: written } = await control.pool.query<Written>(each.join(' union all '))
  return { answered, written }
}
