// Writes rows to an embedded database, two in each transaction, and prints the number of each pair once its commit is acknowledged.
import { pino } from 'pino'
import { openDatabase } from '../runtime/database.ts'

const [, , dataDir = '', first = '1'] = process.argv
const database = await openDatabase({ url: undefined, dataDir, poolSize: 1, log: pino({ level: 'silent' }) })
await database.pool.query('create table if not exists pairs (number integer, half text)')
for (let number = Number(first); ; number += 1) {
  const client = await database.pool.connect()
  await client.query('begin')
  await client.query('insert into pairs values ($1, $2)', [number, 'left'])
  await client.query('insert into pairs values ($1, $2)', [number, 'right'])
  await client.query('commit')
  client.release()
  process.stdout.write(`committed ${number}\n`)
}
