import { api } from '@halyard/contract'
import { requirePassword } from '../access/password.ts'
import { forgetAttempts, takeAttempt } from '../access/throttle.ts'
import { implement, type Route } from '../http/implement.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { confirmSecondFactor, disableSecondFactor, startSecondFactor } from './commands.ts'
import { qrLink } from './rules.ts'

export const secondFactorRoutes = ({ config }: Runtime): Route[] =>
  implement(api.secondFactors, {
    async start({ edit, actor }) {
      const secret = await startSecondFactor(edit, actor, config)
      return { qr_link: qrLink(actor.email, secret), secret }
    },
    async confirm({ db, actor, body, inEdit }) {
      await takeAttempt(db, 'code', actor.id)
      const codes = await inEdit((edit) => confirmSecondFactor(edit, actor, { keys: config, code: body.code }))
      await forgetAttempts(db, 'code', actor.id)
      return { backup_codes: codes }
    },
    async disable({ db, actor, body, inEdit }) {
      await requirePassword(db, actor, body.current_password)
      await inEdit((edit) => disableSecondFactor(edit, actor, config))
    },
    list: async ({ actor }) => (actor.hasSecondFactor ? [{ name: 'app' as const, is_primary: true }] : []),
  })
