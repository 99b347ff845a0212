import { api, invalid, Problem } from '@halyard/contract'
import { requirePassword } from '../access/password.ts'
import { takeAttempt } from '../access/throttle.ts'
import { implement, type Route } from '../http/implement.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { hashPassword } from '../runtime/secrets.ts'
import { changePassword, deadLink, requestReset, resetPassword } from './commands.ts'
import { findResetUser } from './queries.ts'

export const passwordRoutes = ({ config, now }: Runtime): Route[] =>
  implement(api.passwords, {
    async set({ db, actor, body, inEdit }) {
      refuseEmail(body.new_password, actor.email)
      await requirePassword(db, actor, body.current_password)
      const passwordHash = await hashPassword(body.new_password)
      await inEdit((edit) => changePassword(edit, actor, { keys: config, passwordHash }))
    },
    async requestReset({ db, body, inEdit }) {
      const isSoon = await isTooSoon(takeAttempt(db, 'reset mail', body.email))
      if (!isSoon) await inEdit((edit) => requestReset(edit, body.email, config))
    },
    async confirmReset({ db, body, inEdit }) {
      // Asked before as well: whoever has no token must not keep this process hashing.
      const user = await findResetUser(db, body, now())
      if (!user) throw deadLink()
      refuseEmail(body.new_password, user.email)
      const passwordHash = await hashPassword(body.new_password)
      await inEdit((edit) => resetPassword(edit, body, { keys: config, passwordHash }))
    },
  })

function refuseEmail(password: string, email: string): void {
  if (password.trim().toLowerCase() === email) throw invalid({ new_password: ['The password must not be the e-mail address.'] })
}

// Who asks must not learn whether somebody else asked before.
async function isTooSoon(attempt: Promise<void>): Promise<boolean> {
  try {
    await attempt
    return false
  } catch (error) {
    if (error instanceof Problem && error.code === 'throttled') return true
    throw error
  }
}
