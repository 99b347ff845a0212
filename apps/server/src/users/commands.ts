import { forbidden, invalid, type api, type Body } from '@halyard/contract'
import { sql } from 'kysely'
import { system, userActor, type UserActor } from '../access/actor.ts'
import { runEdit, type Edit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { addMember, createOrganisation } from '../organisations/commands.ts'
import type { Database } from '../runtime/database.ts'
import { hashKey, newSecret, newUserToken } from '../runtime/secrets.ts'
import { isSetUp, isSetupToken, type UserRow } from './queries.ts'
import { whyNotSetUp } from './rules.ts'

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

export async function signUp(edit: Edit, person: NewUser): Promise<SignedIn> {
  const user = await insertUser(edit, { ...person, isSuperuser: false })
  if (!user) throw invalid({ email: ['Email already exists. Please log in.'] })
  const key = await issueToken(edit, user)
  await recordChange(actingAs(edit, user), { type: 'user.created', subject: user.id, after: user })
  return { user, key }
}

/** Undefined if the account is no longer the one whose password was checked. */
export async function signIn(edit: Edit, checked: UserRow): Promise<SignedIn | undefined> {
  const user = await edit.tx
    .selectFrom('users')
    .selectAll()
    .where('id', '=', checked.id)
    .where('password_hash', '=', checked.password_hash)
    .where('is_active', '=', true)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (!user) return undefined
  const key = await issueToken(edit, user)
  await recordChange(actingAs(edit, user), { type: 'user.signed_in', subject: user.id })
  return { user, key }
}

export async function signOut(edit: Edit, actor: UserActor): Promise<void> {
  if (actor.tokenHash)
    await edit.tx.deleteFrom('user_tokens').where('token_hash', '=', actor.tokenHash).where('user_id', '=', actor.id).execute()
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

/** Uses the set-up token up; of several who try at once, one succeeds. */
export async function setUp(edit: Edit, token: string, person: NewUser): Promise<SignedIn> {
  await lockSetup(edit)
  const reason = whyNotSetUp({ isSetUp: await isSetUp(edit.tx), isSetupToken: await isSetupToken(edit.tx, token) })
  if (reason) throw forbidden(reason)
  const user = await createFirstAdmin(edit, person)
  if (!user) throw new Error('Somebody signed up while nobody could.')
  return { user, key: await issueToken(edit, user) }
}

/** Administrator of every organisation there is, or of a new one; undefined, and nothing done, if anybody has signed up before. */
export async function createFirstAdmin(edit: Edit, person: NewUser): Promise<UserRow | undefined> {
  await lockSetup(edit)
  if (await isSetUp(edit.tx)) return undefined
  const user = await insertUser(edit, { ...person, isSuperuser: true })
  if (!user) return undefined
  const own = actingAs(edit, user)
  const organisations = await edit.tx.selectFrom('organisations').select('id').where('deleted_at', 'is', null).orderBy('id').execute()
  for (const organisation of organisations) await addMember(own, organisation, { userId: user.id, role: 'ADMIN' })
  if (organisations.length === 0) await createOrganisation(own, user, `${user.first_name}’s organisation`)
  await edit.tx.deleteFrom('setup_tokens').execute()
  await recordChange(own, { type: 'installation.set_up', subject: user.id, after: user })
  return user
}

/** A fresh token for the set-up link, which makes older ones useless; undefined once anybody has signed up. */
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

async function issueToken({ tx, at }: Edit, user: UserRow): Promise<string> {
  const key = newUserToken()
  await tx
    .insertInto('user_tokens')
    .values({ token_hash: hashKey(key), user_id: user.id, created_at: at })
    .execute()
  await tx.updateTable('users').set({ signed_in_at: at }).where('id', '=', user.id).execute()
  return key
}

/** The same edit in the name of whoever signs up or in, and became somebody by doing so. */
const actingAs = (edit: Edit, user: UserRow): Edit => ({ ...edit, actor: userActor(user) })
