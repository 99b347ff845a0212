import { system } from './access/actor.ts'
import { runEdit, type EditOptions } from './changes/edit.ts'
import { createDemo, findDemo, rememberDemoIdentities, type Demo } from './demo.ts'
import type { Runtime } from './runtime/runtime.ts'
import { hashPassword } from './runtime/secrets.ts'
import { createFirstAdmin, issueSetupToken } from './users/commands.ts'

export interface Installation {
  /** Good for one set-up, until the next start; undefined once somebody can sign in. */
  readonly setupToken: string | undefined
  /** Of the demo project: when this start made it, and until somebody can sign in. */
  readonly demo: Demo | undefined
}

const atStart: EditOptions = { actor: system('start'), lock: { on: 'nothing' } }

/** What an empty database gets before anybody is served: the demo project, the first administrator, or a way to become that. */
export async function prepareInstallation(runtime: Runtime): Promise<Installation> {
  const made = runtime.config.demo ? await makeDemo(runtime) : undefined
  const { firstAdmin } = runtime.config
  if (firstAdmin) {
    const passwordHash = await hashPassword(firstAdmin.password)
    const person = { email: firstAdmin.email.toLowerCase(), passwordHash, first_name: 'Administrator', last_name: '' }
    await runEdit(runtime.control, atStart, (edit) => createFirstAdmin(edit, person))
  }
  const setupToken = await issueSetupToken(runtime.control)
  return { setupToken, demo: made ?? (setupToken ? await findDemo(runtime.control.db) : undefined) }
}

// Processes that start at once agree by the lock: the second finds an organisation.
async function makeDemo(runtime: Runtime): Promise<Demo | undefined> {
  const { done: demo } = await runEdit(runtime.control, atStart, async (edit) => {
    await edit.tx.selectFrom('deployment').select('epoch').forUpdate().execute()
    const used = await edit.tx.selectFrom('organisations').select('id').limit(1).executeTakeFirst()
    return used ? undefined : createDemo(edit)
  })
  if (demo) await rememberDemoIdentities(runtime, demo.environmentId)
  return demo
}
