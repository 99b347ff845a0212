import { api, conflict, forbidden, type Reply } from '@halyard/contract'
import { requirePassword } from '../access/password.ts'
import type { Queryable } from '../access/rows.ts'
import { forgetAttempts } from '../access/throttle.ts'
import { implement, type Route } from '../http/implement.ts'
import { findInvitation, type Invitation } from '../invites/queries.ts'
import type { Config } from '../runtime/config.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { hashPassword } from '../runtime/secrets.ts'
import { changeEmail, deleteOrphan, deleteUser, rememberOnboarding, renameUser, setUp, signOut, signUp, type SignedIn } from './commands.ts'
import { getUser, isSetUp, isSetupToken, listOrphans, listSoleAdministrations, type UserRow } from './queries.ts'
import { whyNotLeave, whyNotRegister, whyNotSetUp } from './rules.ts'
import { createSignIn } from './sign-in.ts'

export function userRoutes(runtime: Runtime): Route[] {
  const { config } = runtime
  const start = { days: config.sessionDays }
  return implement(api.users, {
    ...createSignIn(runtime),
    async create({ db, body: { invite_hash: hash, ...body }, inEdit }) {
      const asked = { ...body, hash }
      // Asked before as well: whoever may not sign up must not keep this process hashing.
      await requireRegistration(db, config, asked)
      const passwordHash = await hashPassword(body.password)
      return presentNew(
        await inEdit(async (edit) => {
          const invitation = await requireRegistration(edit.tx, config, asked)
          return signUp(edit, { ...body, sign_up_type: invitation?.signUpType ?? body.sign_up_type, passwordHash }, start)
        }),
      )
    },
    async logout({ edit, actor, cookie }) {
      cookie.clear()
      await signOut(edit, actor)
    },
    deleteToken: ({ edit, actor }) => signOut(edit, actor),
    me: async ({ db, actor }) => present(await getUser(db, actor.id)),
    updateMe: async ({ edit, actor, body }) => present(await renameUser(edit, actor, body)),
    replaceMe: async ({ edit, actor, body }) => present(await renameUser(edit, actor, body)),
    updateOnboarding: async ({ edit, actor, body }) => presentOnboarding(await rememberOnboarding(edit, actor, body)) ?? nothingYet,
    async setEmail({ db, actor, body, inEdit }) {
      await requirePassword(db, actor, body.current_password)
      await inEdit((edit) => changeEmail(edit, actor, { keys: config, email: body.new_email }))
      await forgetAttempts(db, 'password', body.new_email)
    },
    async deleteMe({ db, actor, body, cookie, inEdit }) {
      await requirePassword(db, actor, body.current_password)
      const reason = whyNotLeave(await listSoleAdministrations(db, actor.id))
      if (reason) throw conflict(reason)
      const orphans = body.delete_orphan_organisations ? await listOrphans(db, actor.id) : []
      for (const orphan of orphans)
        await inEdit((edit) => deleteOrphan(edit, actor, orphan), { on: 'organisation', id: orphan.id, withProjects: true })
      await inEdit((edit) => deleteUser(edit, actor))
      cookie.clear()
    },
    async setUp({ db, body: { token, password, ...person }, inEdit }) {
      // Asked before as well: whoever has no token must not keep this process hashing.
      const reason = whyNotSetUp({ isSetUp: await isSetUp(db), isSetupToken: await isSetupToken(db, token) })
      if (reason) throw forbidden(reason)
      const passwordHash = await hashPassword(password)
      return presentNew(await inEdit((edit) => setUp(edit, token, { ...person, passwordHash }, start)))
    },
  })
}

async function requireRegistration(
  db: Queryable,
  config: Config,
  { email, hash }: { email: string; hash: string | null | undefined },
): Promise<Invitation | undefined> {
  const invitation = hash ? await findInvitation(db, hash, { linksWork: !config.disableInviteLinks }) : undefined
  const reason = whyNotRegister({ isOpen: config.allowRegistrationWithoutInvite, email, invitation })
  if (reason) throw forbidden(reason)
  return invitation
}

function presentNew({ user, key }: SignedIn): Reply<typeof api.users.create> {
  const { id, uuid, email, first_name, last_name, sign_up_type, is_active, marketing_consent_given } = user
  return { id, uuid, email, first_name, last_name, sign_up_type, is_active, marketing_consent_given, key }
}

function present(user: UserRow): Reply<typeof api.users.me> {
  const { id, uuid, email, first_name, last_name, sign_up_type, is_superuser, created_at } = user
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
    onboarding: presentOnboarding(user.onboarding),
  }
}

const nothingYet = { tasks: [], tools: {}, hosting_preferences: [] }
const presentOnboarding = (stored: UserRow['onboarding']) => (stored === null ? null : api.users.updateOnboarding.reply.parse(stored))
