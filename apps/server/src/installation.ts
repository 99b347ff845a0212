import { system } from './access/actor.ts'
import { runEdit, type EditOptions } from './changes/edit.ts'
import { createDemo, rememberDemoIdentities, type Demo } from './demo.ts'
import type { Runtime } from './runtime/runtime.ts'
import { hashPassword } from './runtime/secrets.ts'
import { createFirstAdmin, issueSetupToken } from './users/commands.ts'

export interface Installation {
  /** Good for one set-up, until the next start; undefined once somebody can sign in. */
  readonly setupToken: string | undefined
  /** Of the demo project, when this start made it. */
  readonly demo: Demo | undefined
}

const atStart: EditOptions = { actor: system('start'), lock: { on: 'nothing' } }

/** What an empty database gets before anybody is served: the demo project, the first administrator, or a way to become that. */
export async function prepareInstallation(runtime: Runtime): Promise<Installation> {
  const demo = runtime.config.demo ? await makeDemo(runtime) : undefined
  const { firstAdmin } = runtime.config
  if (firstAdmin) {
    const passwordHash = await hashPassword(firstAdmin.password)
    const person = { email: firstAdmin.email.toLowerCase(), passwordHash, first_name: 'First', last_name: 'Administrator' }
    await runEdit(runtime.control, atStart, (edit) => createFirstAdmin(edit, person))
  }
  return { setupToken: await issueSetupToken(runtime.control), demo }
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
