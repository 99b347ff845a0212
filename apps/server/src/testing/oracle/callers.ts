import { api } from '@halyard/contract'
import { makeMember, type Fixture } from '../matrix/fixture.ts'
import { makeGroup, makeRole } from '../matrix/makers.ts'
import { keys, type Holding, type Level, type Standing } from './decide.ts'
import { fourAtOnce } from './requests.ts'

export interface Caller {
  readonly name: string
  /** Undefined: says nothing of who it is. */
  readonly authorization: string | undefined
  readonly standing: Standing
  /** Holds it through a group or role: tried where it matters. */
  readonly isIndirect: boolean
}

interface World {
  /** The place at which everything is held. */
  readonly own: Fixture
  readonly foreign: Fixture
}

const member = (holds: readonly Holding[], as: 'person' | 'API key' | 'personal token' = 'person'): Standing => ({
  as,
  of: 'own organisation',
  holds,
})

/** Everybody who asks, each in an account or key of their own. */
export async function makeCallers({ own, foreign }: World): Promise<Caller[]> {
  const direct = (name: string, authorization: string | undefined, standing: Standing) => ({
    name,
    authorization,
    standing,
    isIndirect: false,
  })
  const expires = new Date(own.server.runtime.now().getTime() + 86_400_000).toISOString()
  const token = await own.server
    .as(own.authorization, api.personalTokens)
    .create({ body: { name: 'Script', expires_at: expires, current_password: 'correct horse battery' } })
  const stranger = (as: 'person' | 'API key') => ({ as, of: 'other organisation', holds: ['ORGANISATION_ADMIN'] }) as const
  const held = await fourAtOnce(
    everyHolding().flatMap((holding) => ways.map((way) => ({ holding, way }))),
    ({ holding, way }) => makeHolder(own, holding, way),
  )
  return [
    direct('nobody', undefined, { as: 'nobody' }),
    direct('a member', own.member, member([])),
    direct('an API key', own.readerKey, member([], 'API key')),
    direct('an organisation administrator', own.authorization, member(['ORGANISATION_ADMIN'])),
    direct('a personal token of an administrator', `Token ${token.key}`, member(['ORGANISATION_ADMIN'], 'personal token')),
    direct('an administrator API key', own.adminKey, member(['ORGANISATION_ADMIN'], 'API key')),
    await makeHolderOfAll(own),
    direct('an administrator of another organisation', foreign.authorization, stranger('person')),
    direct('an administrator API key of another organisation', foreign.adminKey, stranger('API key')),
    ...held,
  ]
}

/** Somebody who administers these groups and nothing else. */
export async function makeGroupAdministrator(own: Fixture, groups: readonly number[]): Promise<Caller> {
  const authorization = await makeMember(own.server, own.organisation)
  const { id: user } = await own.server.as(authorization, api.users).me({})
  const calls = own.server.as(own.authorization, api.groups)
  for (const group of groups) {
    const params = { organisation: own.organisation.id, group }
    await calls.addUsers({ params, body: { user_ids: [user] } })
    await calls.makeAdmin({ params: { ...params, user } })
  }
  return { name: 'an administrator of the group', authorization, standing: member(['GROUP_ADMIN']), isIndirect: false }
}

/** Somebody who may do everything in one place, and nothing anywhere else. */
async function makeHolderOfAll(own: Fixture): Promise<Caller> {
  const authorization = await makeMember(own.server, own.organisation)
  const { id: user } = await own.server.as(authorization, api.users).me({})
  for (const level of ['organisation', 'project', 'environment'] as const)
    await grant(own, { level, permissions: keys[level], isAdmin: true, holds: [] }, { user })
  const every = [...keys.organisation, ...keys.project, ...keys.environment]
  const standing = member([...every, 'PROJECT_ADMIN', 'ENVIRONMENT_ADMIN'])
  return { name: 'a holder of everything but the organisation', authorization, standing, isIndirect: false }
}

interface Held {
  readonly level: Level
  /** Granted together. */
  readonly permissions: readonly string[]
  readonly isAdmin: boolean
  readonly holds: readonly Holding[]
}

function everyHolding(): Held[] {
  const single = (level: Level) => keys[level].map((key) => ({ level, permissions: [key], isAdmin: false, holds: [key] }))
  return [
    ...single('organisation'),
    ...single('project'),
    ...single('environment'),
    { level: 'project', permissions: [], isAdmin: true, holds: ['PROJECT_ADMIN'] },
    { level: 'environment', permissions: [], isAdmin: true, holds: ['ENVIRONMENT_ADMIN'] },
    // What one key alone does not open.
    pair('UPDATE_FEATURE_STATE', 'MANAGE_SEGMENT_OVERRIDES'),
  ]
}

const pair = (one: Holding, other: Holding): Held => ({
  level: 'environment',
  permissions: [one, other],
  isAdmin: false,
  holds: [one, other],
})

const ways = ['in person', 'through a group', 'through a role', 'through the role of an API key'] as const
type Way = (typeof ways)[number]

async function makeHolder(own: Fixture, held: Held, way: Way): Promise<Caller> {
  const name = `${held.holds.join(' and ')} ${way}`
  const isIndirect = way !== 'in person'
  if (way === 'through the role of an API key') {
    const params = { organisation: own.organisation.id }
    const key = await own.server
      .as(own.authorization, api.masterApiKeys)
      .create({ params, body: { name: name.slice(0, 50), is_admin: false } })
    await giveRole(own, held, { master_api_key: key.prefix })
    return { name, authorization: `Api-Key ${key.key}`, standing: member(held.holds, 'API key'), isIndirect }
  }
  const authorization = await makeMember(own.server, own.organisation)
  const { id: user } = await own.server.as(authorization, api.users).me({})
  if (way === 'in person') await grant(own, held, { user })
  if (way === 'through a group') await grant(own, held, { group: await makeGroupWith(own, user) })
  if (way === 'through a role') await giveRole(own, held, { user })
  return { name, authorization, standing: member(held.holds), isIndirect }
}

async function grant(own: Fixture, { level, permissions, isAdmin }: Held, holder: { user: number } | { group: number }): Promise<void> {
  const kind = 'user' in holder ? 'user-permissions' : 'user-group-permissions'
  const body = { ...holder, permissions, ...(level !== 'organisation' && { admin: isAdmin }) }
  await post(own, `${pathOf(own, level)}${kind}/`, body)
}

async function giveRole(own: Fixture, { level, permissions, isAdmin }: Held, holder: { user: number } | { master_api_key: string }) {
  const role = await makeRole(own)
  const path = `${pathOf(own, 'organisation')}roles/${role.id}/`
  if (level === 'organisation') await post(own, `${path}organisation-permissions/`, { permissions })
  else {
    const place = level === 'project' ? { project: own.project.id } : { environment: own.environment.id }
    await post(own, `${path}${level}s-permissions/`, { ...place, permissions, admin: isAdmin })
  }
  await post(own, `${path}${'user' in holder ? 'users' : 'master-api-keys'}/`, holder)
}

async function makeGroupWith(own: Fixture, user: number): Promise<number> {
  const group = await makeGroup(own)
  const params = { organisation: own.organisation.id, group: group.id }
  await own.server.as(own.authorization, api.groups).addUsers({ params, body: { user_ids: [user] } })
  return group.id
}

function pathOf({ organisation, project, environment }: Fixture, level: Level): string {
  if (level === 'organisation') return `/api/v1/organisations/${organisation.id}/`
  return level === 'project' ? `/api/v1/projects/${project.id}/` : `/api/v1/environments/${environment.api_key}/`
}

async function post({ server, authorization }: Fixture, path: string, body: unknown): Promise<void> {
  const { status, text } = await server.send('POST', path, { authorization, body })
  if (status !== 201) throw new Error(`POST ${path} answered ${status}: ${text}`)
}
