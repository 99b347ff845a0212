import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** The message says which directory, what is wrong with it, and which variable names another. */
export class DirectoryNotUsable extends Error {
  override readonly name = 'DirectoryNotUsable'
}

/**
 * Makes a directory, and those above it, for this user alone, unless it is there. Step by step, because Node's own recursive
 * call never returns below /proc, where what was made is not there.
 */
export function makeDirectory(directory: string): void {
  try {
    makeSteps(resolve(directory))
    accessSync(directory, constants.W_OK | constants.X_OK)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DirectoryNotUsable(
      `${resolve(directory)} cannot be used to keep files in (${reason}). Name a directory that this user may write to with DATA_DIR.`,
      { cause: error },
    )
  }
}

function makeSteps(directory: string): void {
  const found = statSync(directory, { throwIfNoEntry: false })
  if (found?.isDirectory()) return
  makeSteps(dirname(directory))
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    // Another process made it at the same time.
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}
