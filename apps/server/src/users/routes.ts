import { api, conflict, forbidden, type Reply } from '@halyard/contract'
import { implement, type Route } from '../http/implement.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { hashPassword, isPassword, newSecret } from '../runtime/secrets.ts'
import { renameUser, setUp, signIn, signOut, signUp, type SignedIn } from './commands.ts'
import { findUserByEmail, getUser, isSetUp, isSetupToken, type UserRow } from './queries.ts'
import { whyNotSetUp } from './rules.ts'

const closed =
  'Signing up needs an invitation on this installation. Ask an administrator, or let anybody sign up with ALLOW_REGISTRATION_WITHOUT_INVITE=true.'
const wrongCredentials = () => conflict('Unable to log in with provided credentials.')

export function userRoutes({ config }: Runtime): Route[] {
  // Checked for addresses that nobody has, so that the time an answer takes does not tell which are known.
  const nobodysHash = hashPassword(newSecret())
  return implement(api.users, {
    async create({ body, inEdit }) {
      if (!config.allowRegistrationWithoutInvite) throw forbidden(closed)
      const passwordHash = await hashPassword(body.password)
      return presentNew(await inEdit((edit) => signUp(edit, { ...body, passwordHash })))
    },
    async login({ db, body, inEdit }) {
      const user = await findUserByEmail(db, body.email)
      const isRight = await isPassword(body.password, user?.password_hash ?? (await nobodysHash))
      const signedIn = user && isRight ? await inEdit((edit) => signIn(edit, user)) : undefined
      if (!signedIn) throw wrongCredentials()
      return { key: signedIn.key }
    },
    logout: ({ edit, actor }) => signOut(edit, actor),
    deleteToken: ({ edit, actor }) => signOut(edit, actor),
    me: async ({ db, actor }) => present(await getUser(db, actor.id)),
    updateMe: async ({ edit, actor, body }) => present(await renameUser(edit, actor, body)),
    replaceMe: async ({ edit, actor, body }) => present(await renameUser(edit, actor, body)),
    async setUp({ db, body: { token, password, ...person }, inEdit }) {
      // Asked before as well: whoever has no token must not keep this process hashing.
      const reason = whyNotSetUp({ isSetUp: await isSetUp(db), isSetupToken: await isSetupToken(db, token) })
      if (reason) throw forbidden(reason)
      const passwordHash = await hashPassword(password)
      return presentNew(await inEdit((edit) => setUp(edit, token, { ...person, passwordHash })))
    },
  })
}

function presentNew({ user, key }: SignedIn): Reply<typeof api.users.create> {
  const { id, uuid, email, first_name, last_name, sign_up_type, is_active, marketing_consent_given } = user
  return { id, uuid, email, first_name, last_name, sign_up_type, is_active, marketing_consent_given, key }
}

function present({ id, uuid, email, first_name, last_name, sign_up_type, is_superuser, created_at }: UserRow): Reply<typeof api.users.me> {
  return {
    id,
    uuid,
    email,
    first_name,
    last_name,
    sign_up_type,
    auth_type: 'EMAIL',
    is_superuser,
    date_joined: created_at.toISOString(),
    pylon_email_signature: null,
    onboarding: null,
  }
}
