// Locks the directory it is given, says so, and stays until it is killed.
import { lockDirectory } from '../runtime/directory-lock.ts'

const [, , directory = ''] = process.argv
try {
  await lockDirectory(directory)
  process.stdout.write('locked\n')
  setInterval(() => undefined, 60_000)
} catch (error) {
  process.stdout.write(`refused ${String(error)}\n`)
}
