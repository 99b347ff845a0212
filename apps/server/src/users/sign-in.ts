import { conflict, unauthenticated, type api, type Reply } from '@halyard/contract'
import * as z from 'zod'
import { forgetAttempts, takeAttempt } from '../access/throttle.ts'
import type { Handler } from '../http/implement.ts'
import type { SessionCookie } from '../http/session-cookie.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { hashKey, hashPassword, isPassword, newSecret, seal, unseal } from '../runtime/secrets.ts'
import { hasSecondFactor } from '../second-factors/queries.ts'
import { signIn, type SignedIn } from './commands.ts'
import { findUserByEmail, findUser, type UserRow } from './queries.ts'

const stepLifetimeMs = 5 * 60_000
const purpose = 'second step of signing in'
const secondsPerDay = 86_400

const wrongCredentials = () => conflict('Unable to log in with provided credentials.')
const wrongCode = () => unauthenticated('The code is not right, or has been used.')

// Which account, and which of its passwords, the first step was about.
const firstStep = z.object({ user: z.int(), password: z.string(), until: z.coerce.date() })
const printOf = (user: Pick<UserRow, 'password_hash'>): string => hashKey(user.password_hash).toString('base64url')

interface SignInHandlers {
  readonly login: Handler<typeof api.users.login>
  readonly loginWithCode: Handler<typeof api.users.loginWithCode>
}

/** Signing in with a password, and with a code after it. Attempts are counted per account before they are looked at. */
export function createSignIn({ config, now }: Runtime): SignInHandlers {
  // Checked for addresses that nobody has, so that the time an answer takes does not tell which are known.
  const nobodysHash = hashPassword(newSecret())
  const start = (cookie: SessionCookie) => ({ days: config.sessionDays, replaces: cookie.token })

  function answer({ key }: SignedIn, asCookie: boolean | undefined, cookie: SessionCookie): Reply<typeof api.users.loginWithCode> {
    if (!asCookie) return { key }
    cookie.set(key, config.sessionDays * secondsPerDay)
    return { key: null }
  }

  const stepOf = (user: UserRow) =>
    seal(config, JSON.stringify({ user: user.id, password: printOf(user), until: new Date(now().getTime() + stepLifetimeMs) }), purpose)

  function readStep(sealed: string): z.output<typeof firstStep> {
    const step = tryTo(() => firstStep.parse(JSON.parse(unseal(config, sealed, purpose))))
    if (!step || step.until <= now()) throw unauthenticated('Signing in took too long: begin again with your password.')
    return step
  }

  return {
    async login({ db, body, cookie, inEdit }) {
      await takeAttempt(db, 'password', body.email)
      const user = await findUserByEmail(db, body.email)
      const isRight = await isPassword(body.password, user?.password_hash ?? (await nobodysHash))
      if (!user || !isRight || !user.is_active) throw wrongCredentials()
      await forgetAttempts(db, 'password', body.email)
      if (await hasSecondFactor(db, user.id)) return { ephemeral_token: stepOf(user), method: 'app' }
      const signedIn = await inEdit((edit) => signIn(edit, user, start(cookie)))
      if (!signedIn) throw wrongCredentials()
      return answer(signedIn, body.as_cookie, cookie)
    },
    async loginWithCode({ db, body, cookie, inEdit }) {
      const step = readStep(body.ephemeral_token)
      await takeAttempt(db, 'code', step.user)
      const user = await findUser(db, step.user)
      if (!user || printOf(user) !== step.password) throw wrongCode()
      const checked = { ...user, code: { keys: config, code: body.code } }
      const signedIn = await inEdit((edit) => signIn(edit, checked, start(cookie)))
      if (!signedIn) throw wrongCode()
      await forgetAttempts(db, 'code', user.id)
      return answer(signedIn, body.as_cookie, cookie)
    },
  }
}

function tryTo<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
