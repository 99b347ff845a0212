import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { tableTypes } from './table-types.ts'
import { openTestDatabase } from './test-database.ts'

// Writes src/runtime/tables.ts from the migrations: `npm run generate`, after changing one.
const database = await openTestDatabase()
try {
  const file = fileURLToPath(new URL('../../src/runtime/tables.ts', import.meta.url))
  await writeFile(file, await database.withSession(tableTypes))
  process.stdout.write(`${file} is up to date.\n`)
} finally {
  await database.close()
}
