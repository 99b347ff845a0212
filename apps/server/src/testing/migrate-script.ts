// Migrates the control store of a database, at a URL or embedded in a directory, from a directory of migrations.
import { pino } from 'pino'
import { openDatabase } from '../runtime/database.ts'
import { migrate } from '../runtime/migrate.ts'

const [, , url = '', dataDir = '', migrations = ''] = process.argv
const database = await openDatabase({ url: url === '' ? undefined : url, dataDir, poolSize: 1, log: pino({ level: 'silent' }) })
await migrate(database, 'control', migrations)
await database.close()
