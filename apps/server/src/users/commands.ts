import { conflict, forbidden, invalid, unauthenticated, type api, type Body } from '@halyard/contract'
import { sql } from 'kysely'
import { system, userActor, type UserActor } from '../access/actor.ts'
import type { OrganisationRow } from '../access/rows.ts'
import { runEdit, type Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { addMember, createOrganisation, deleteOrganisation } from '../organisations/commands.ts'
import type { Database } from '../runtime/database.ts'
import { enqueueMail } from '../runtime/mail.ts'
import { hashKey, newSecret, type SecretKeys } from '../runtime/secrets.ts'
import { useCode } from '../second-factors/commands.ts'
import { beginSession, type SessionStart } from '../user-tokens/commands.ts'
import { isSetUp, isSetupToken, listOrphans, listSoleAdministrations, type UserRow } from './queries.ts'
import { whyNotLeave, whyNotSetUp } from './rules.ts'

/** Somebody new, the password hashed already: that takes too long to do inside an edit. */
export interface NewUser {
  readonly email: string
  readonly passwordHash: string
  readonly first_name: string
  readonly last_name: string
  readonly sign_up_type?: string | null | undefined
  readonly marketing_consent_given?: boolean | undefined
}

/** A person and a token that they are signed in with. */
export interface SignedIn {
  readonly user: UserRow
  readonly key: string
}

export async function signUp(edit: Edit, person: NewUser, start: SessionStart): Promise<SignedIn> {
  const user = await insertUser(edit, { ...person, isSuperuser: false })
  if (!user) throw invalid({ email: ['Email already exists. Please log in.'] })
  const key = await beginSession(edit, user, start)
  await recordChange(actingAs(edit, user), { type: 'user.created', subject: user.id, after: user })
  return { user, key }
}

/** Whose password is right, and the code that has to be too, where there is a second factor. */
export interface Checked {
  readonly id: number
  readonly password_hash: string
  readonly code?: { readonly keys: SecretKeys; readonly code: string }
}

/** Undefined if the code is wrong, or the account no longer the one whose password was checked. */
export async function signIn(edit: Edit, checked: Checked, start: SessionStart): Promise<SignedIn | undefined> {
  const user = await edit.tx
    .selectFrom('users')
    .selectAll()
    .where('id', '=', checked.id)
    .where('password_hash', '=', checked.password_hash)
    .where('is_active', '=', true)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!user) return undefined
  if (checked.code && !(await useCode(edit, user.id, checked.code))) return undefined
  const key = await beginSession(edit, user, start)
  await recordChange(actingAs(edit, user), { type: 'user.signed_in', subject: user.id })
  return { user, key }
}

export async function signOut(edit: Edit, actor: UserActor): Promise<void> {
  if (actor.token) await edit.tx.deleteFrom('user_tokens').where('id', '=', actor.token.id).where('user_id', '=', actor.id).execute()
  await recordChange(edit, { type: 'user.signed_out', subject: actor.id })
}

export async function renameUser(edit: Edit, actor: UserActor, names: Body<typeof api.users.updateMe>): Promise<UserRow> {
  const before = await edit.tx.selectFrom('users').selectAll().where('id', '=', actor.id).forNoKeyUpdate().executeTakeFirstOrThrow()
  const after = await edit.tx
    .updateTable('users')
    .set({ first_name: names.first_name ?? before.first_name, last_name: names.last_name ?? before.last_name })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'user.updated', subject: before.id, before, after })
  return after
}

export async function rememberOnboarding(
  edit: Edit,
  actor: UserActor,
  steps: Body<typeof api.users.updateOnboarding>,
): Promise<UserRow['onboarding']> {
  const before = await edit.tx.selectFrom('users').selectAll().where('id', '=', actor.id).forNoKeyUpdate().executeTakeFirstOrThrow()
  const known = typeof before.onboarding === 'object' ? before.onboarding : {}
  const onboarding = { tasks: [], tools: {}, hosting_preferences: [], ...known, ...steps }
  const after = await edit.tx
    .updateTable('users')
    .set({ onboarding: JSON.stringify(onboarding) })
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
  await recordChange(edit, { type: 'user.updated', subject: before.id, before, after })
  return after.onboarding
}

/** Tells the old address, which is the only one that its owner surely reads; links to it that choose a password end. */
export async function changeEmail(edit: Edit, actor: UserActor, { keys, email }: { keys: SecretKeys; email: string }): Promise<void> {
  const taken = await edit.tx.selectFrom('users').select('id').where('email', '=', email).executeTakeFirst()
  if (taken) throw invalid({ new_email: ['This e-mail address belongs to an account already.'] })
  await edit.tx.updateTable('users').set({ email }).where('id', '=', actor.id).execute()
  await edit.tx.deleteFrom('password_resets').where('user_id', '=', actor.id).execute()
  await enqueueMail(edit.tx, keys, {
    to: actor.email,
    subject: 'Your e-mail address was changed',
    paragraphs: [`Your account now has the address ${email}.`, 'If this was not you, tell the administrator of your organisation at once.'],
  })
  await recordChange(edit, {
    type: 'user.email_changed',
    subject: actor.id,
    before: { email: actor.email },
    after: { email },
  })
}

/** An organisation that nobody but this person belongs to; still true inside the edit, or it stays. */
export async function deleteOrphan(edit: Edit, actor: UserActor, organisation: OrganisationRow): Promise<void> {
  const orphans = await listOrphans(edit.tx, actor.id)
  if (orphans.some(({ id }) => id === organisation.id)) await deleteOrganisation(edit, organisation)
}

/** Everything that opens something for them goes with them. */
export async function deleteUser(edit: Edit, actor: UserActor): Promise<void> {
  const reason = whyNotLeave(await listSoleAdministrations(edit.tx, actor.id))
  if (reason) throw conflict(reason)
  const before = await edit.tx.deleteFrom('users').where('id', '=', actor.id).returningAll().executeTakeFirst()
  // Of several requests at once, the first took away what the others came with.
  if (!before) throw unauthenticated()
  await recordChange(edit, { type: 'user.deleted', subject: actor.id, before })
}

/** Uses the set-up token up; of several who try at once, one succeeds. */
export async function setUp(edit: Edit, token: string, person: NewUser, start: SessionStart): Promise<SignedIn> {
  await lockSetup(edit)
  const reason = whyNotSetUp({ isSetUp: await isSetUp(edit.tx), isSetupToken: await isSetupToken(edit.tx, token) })
  if (reason) throw forbidden(reason)
  const user = await createFirstAdmin(edit, person)
  if (!user) throw invalid({ email: ['Email already exists.'] })
  return { user, key: await beginSession(edit, user, start) }
}

/**
 * Administrator of every organisation that is nobody's (the demo), or of a new one; undefined, and nothing done, if there is one
 * already or the e-mail address is taken.
 */
export async function createFirstAdmin(edit: Edit, person: NewUser): Promise<UserRow | undefined> {
  await lockSetup(edit)
  if (await isSetUp(edit.tx)) return undefined
  const user = await insertUser(edit, { ...person, isSuperuser: true })
  if (!user) return undefined
  const own = actingAs(edit, user)
  const organisations = await edit.tx
    .selectFrom('organisations')
    .select('id')
    .where('deleted_at', 'is', null)
    .where('id', 'not in', edit.tx.selectFrom('organisation_members').select('organisation_id'))
    .orderBy('id')
    .execute()
  for (const organisation of organisations) await addMember(own, organisation, { userId: user.id, role: 'ADMIN' })
  if (organisations.length === 0) await createOrganisation(own, user, `${user.first_name}’s organisation`)
  await edit.tx.deleteFrom('setup_tokens').execute()
  await recordChange(own, { type: 'installation.set_up', subject: user.id, after: user })
  return user
}

/** A fresh token for the set-up link, which makes older ones useless; undefined once the installation is set up. */
export async function issueSetupToken(control: Database): Promise<string | undefined> {
  const { done } = await runEdit(control, { actor: system('set-up'), lock: { on: 'nothing' } }, replaceSetupToken)
  return done
}

async function replaceSetupToken(edit: Edit): Promise<string | undefined> {
  await lockSetup(edit)
  if (await isSetUp(edit.tx)) return undefined
  const token = newSecret()
  await edit.tx.deleteFrom('setup_tokens').execute()
  await edit.tx
    .insertInto('setup_tokens')
    .values({ token_hash: hashKey(token), created_at: edit.at })
    .execute()
  return token
}

// There is no row yet that those who want to be first could lock.
const lockSetup = (edit: Edit) => sql`select pg_advisory_xact_lock(hashtext('halyard set-up'))`.execute(edit.tx)

/** Undefined if the e-mail address is taken. */
const insertUser = ({ tx, at }: Edit, person: NewUser & { isSuperuser: boolean }): Promise<UserRow | undefined> =>
  tx
    .insertInto('users')
    .values({
      email: person.email.toLowerCase(),
      password_hash: person.passwordHash,
      first_name: person.first_name,
      last_name: person.last_name,
      sign_up_type: person.sign_up_type ?? null,
      marketing_consent_given: person.marketing_consent_given ?? false,
      is_superuser: person.isSuperuser,
      created_at: at,
    })
    .onConflict((conflict) => conflict.column('email').doNothing())
    .returningAll()
    .executeTakeFirst()

/** The same edit in the name of whoever signs up or in, and became somebody by doing so. */
const actingAs = (edit: Edit, user: UserRow): Edit => ({ ...edit, actor: userActor(user) })
