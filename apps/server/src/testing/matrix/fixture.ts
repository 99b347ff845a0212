import { api } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import { system } from '../../access/actor.ts'
import { runEdit, type Edit } from '../../changes/edit.ts'
import { recordChange } from '../../changes/record-change.ts'
import { addMember } from '../../organisations/commands.ts'
import type { TestServer } from '../start-server.ts'

/** A project of an organisation of its own, and those who may and may not do things in it. */
export interface Fixture {
  readonly server: TestServer
  /** An administrator, who made all this. */
  readonly authorization: string
  readonly userId: number
  readonly organisation: { readonly id: number; readonly uuid: string }
  readonly project: { readonly id: number; readonly uuid: string }
  readonly environment: { readonly id: number; readonly uuid: string; readonly api_key: string }
  readonly adminKey: string
  /** An API key that is no administrator. */
  readonly readerKey: string
  /** A person who belongs to the organisation and was granted nothing. */
  readonly member: string
  /** One who sees the project and its environment, and may do nothing in them. */
  readonly viewer: string
  /** A part of the name of whatever is made here. */
  readonly mark: string
}

export async function makeTenant(server: TestServer): Promise<Fixture> {
  const { authorization, organisation, project, environment } = await server.makeProject()
  const params = { organisation: organisation.id }
  const keys = server.as(authorization, api.masterApiKeys)
  const admin = await keys.create({ params, body: { name: 'Admin' } })
  const reader = await keys.create({ params, body: { name: 'Reader', is_admin: false } })
  const me = await server.as(authorization, api.users).me({})
  const member = await makeMember(server, organisation)
  const viewer = await makeMember(server, organisation)
  await grantView(server, viewer, { organisation, project, environment })
  const mark = randomUUID().slice(0, 8)
  const access = { adminKey: `Api-Key ${admin.key}`, readerKey: `Api-Key ${reader.key}`, member, viewer }
  return { server, authorization, userId: me.id, organisation, project, environment, mark, ...access }
}

/** Another project of the same organisation. */
export async function makeSiblingProject(at: Fixture): Promise<Fixture> {
  const mark = randomUUID().slice(0, 8)
  const project = await at.server
    .as(at.authorization, api.projects)
    .create({ body: { name: `Sibling ${mark}`, organisation: at.organisation.id } })
  return { ...at, mark, project, environment: await makeEnvironment({ ...at, mark, project }) }
}

export const makeEnvironment = (at: Fixture) =>
  at.server.as(at.authorization, api.environments).create({ body: { name: nameOf(at, 'environment'), project: at.project.id } })

/** A name that nothing else has. */
export const nameOf = ({ mark }: Pick<Fixture, 'mark'>, what: string): string => `${what}-${mark}-${randomUUID().slice(0, 8)}`

/** What a reply to somebody else must not contain. */
export const tracesOf = ({ mark, organisation, project, environment }: Fixture): string[] => [
  mark,
  organisation.uuid,
  project.uuid,
  environment.uuid,
  environment.api_key,
]

/** Somebody who is signed in and belongs to an organisation. */
export async function makeMember(server: TestServer, organisation: { id: number }): Promise<string> {
  const member = await server.signUp('Grace')
  const { id } = await server.as(member, api.users).me({})
  await join(server, organisation, () => Promise.resolve(id))
  return member
}

/** Somebody new in an organisation, who need not sign in. */
export const joinAs = (server: TestServer, organisation: { id: number }): Promise<number> =>
  join(server, organisation, async (edit) => {
    const person = {
      email: `${randomUUID()}@example.com`,
      password_hash: '',
      first_name: 'Grace',
      last_name: 'Tester',
      created_at: edit.at,
    }
    return (await edit.tx.insertInto('users').values(person).returning('id').executeTakeFirstOrThrow()).id
  })

async function join(server: TestServer, organisation: { id: number }, find: (edit: Edit) => Promise<number>): Promise<number> {
  const { done } = await runEdit(server.control, { actor: system('tests'), lock: { on: 'nothing' } }, async (edit) => {
    const userId = await find(edit)
    await addMember(edit, organisation, { userId, role: 'USER' })
    await recordChange(edit, { type: 'member.joined', organisation, subject: userId })
    return userId
  })
  return done
}

async function grantView(
  server: TestServer,
  viewer: string,
  { organisation, project, environment }: Pick<Fixture, 'organisation' | 'project' | 'environment'>,
): Promise<void> {
  const { id } = await server.as(viewer, api.users).me({})
  const place = { organisation_id: organisation.id, project_id: project.id, user_id: id }
  const rows = [
    { ...place, permissions: JSON.stringify({ VIEW_PROJECT: [] }) },
    { ...place, environment_id: environment.id, permissions: JSON.stringify({ VIEW_ENVIRONMENT: [] }) },
  ]
  await runEdit(server.control, { actor: system('tests'), lock: { on: 'nothing' } }, async (edit) => {
    for (const row of rows) await edit.tx.insertInto('grants').values(row).execute()
    await recordChange(edit, { type: 'organisation.updated', organisation, subject: organisation.id, after: place })
  })
}
