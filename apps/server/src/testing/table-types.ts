import type pg from 'pg'

interface Column {
  table: string
  column: string
  type: string
  nullable: boolean
  hasDefault: boolean
}

// The types that the driver answers with; anything else is a mistake in a migration or a missing line here.
const scalars: Record<string, string> = {
  int2: 'number',
  int4: 'number',
  int8: 'number',
  float8: 'number',
  bool: 'boolean',
  text: 'string',
  uuid: 'string',
  xid8: 'string',
  bytea: 'Buffer',
  timestamptz: 'Date',
  jsonb: 'Json',
  _int8: 'number[]',
  _int4: 'number[]',
}

/** TypeScript for the tables of a migrated database, as `Tables` for Kysely. Same database, same text. */
export async function tableTypes(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<Column>(
    `select c.relname as "table", a.attname as "column", t.typname as type, not a.attnotnull as nullable, a.atthasdef as "hasDefault"
       from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
       join pg_type t on t.oid = a.atttypid
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      order by c.relname collate "C", a.attnum`,
  )
  const tables = [...new Set(rows.map((row) => row.table))]
  const declarations = tables.map((table) =>
    declareTable(
      table,
      rows.filter((row) => row.table === table),
    ),
  )
  const entries = tables.map((table) => `  ${table}: ${rowName(table)}`)
  return [
    '// Made from the migrated database by `npm run generate`; a test fails when it differs. Do not edit.',
    "import type { ColumnType, Generated } from 'kysely'",
    '',
    '/** A jsonb column: unknown until parsed when read, JSON text when written. */',
    'type Json = ColumnType<unknown, string, string>',
    'type NullableJson = ColumnType<unknown, string | null, string | null>',
    '',
    ...declarations,
    'export interface Tables {',
    ...entries,
    '}',
    '',
  ].join('\n')
}

function declareTable(table: string, columns: Column[]): string {
  const lines = columns.map((column) => `  ${column.column}: ${columnType(column)}`)
  return `export interface ${rowName(table)} {\n${lines.join('\n')}\n}\n`
}

function columnType(column: Column): string {
  const scalar = scalars[column.type]
  if (!scalar) throw new Error(`No TypeScript type is known for ${column.table}.${column.column}, a ${column.type}.`)
  if (scalar === 'Json') return jsonType(column)
  if (scalar === 'Date' && !column.nullable && column.hasDefault) return 'ColumnType<Date, Date | string | undefined, Date | string>'
  if (column.hasDefault && !column.nullable) return `Generated<${scalar}>`
  return column.nullable ? `${scalar} | null` : scalar
}

function jsonType(column: Column): string {
  if (column.nullable) return 'NullableJson'
  return column.hasDefault ? 'ColumnType<unknown, string | undefined, string>' : 'Json'
}

const rowName = (table: string) =>
  `${table
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')}Table`
