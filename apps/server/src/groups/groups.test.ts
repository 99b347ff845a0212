import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { joinAs, makeTenant, type Fixture } from '../testing/matrix/fixture.ts'
import { makeGroup } from '../testing/matrix/makers.ts'
import { startServer, type TestServer } from '../testing/start-server.ts'

let server: TestServer
let home: Fixture
beforeAll(async () => {
  server = await startServer()
  home = await makeTenant(server)
})
afterAll(() => server.close())

const asAdmin = <const Noun extends keyof typeof api>(noun: Noun) => server.as(home.authorization, api[noun])
const idOf = async (authorization: string) => (await server.as(authorization, api.users).me({})).id
const inOrganisation = () => ({ organisation: home.organisation.id })

test('people hold what their groups do, as long as they belong to them', async () => {
  const group = await makeGroup(home)
  const params = { ...inOrganisation(), group: group.id }
  const projects = async () => (await server.as(home.member, api.projects).list({})).length
  await asAdmin('projectGroupPermissions').create({
    params: { project: home.project.id },
    body: { group: group.id, permissions: ['VIEW_PROJECT'] },
  })
  expect(await projects()).toBe(0)
  await asAdmin('groups').addUsers({ params, body: { user_ids: [await idOf(home.member)] } })
  expect(await projects()).toBe(1)
  expect(await server.as(home.member, api.groups).listMine({ params: inOrganisation() })).toMatchObject({ count: 1 })
  await asAdmin('groups').removeUsers({ params, body: { user_ids: [await idOf(home.member)] } })
  expect(await projects()).toBe(0)
})

test('who joins the organisation joins its default groups', async () => {
  const group = await asAdmin('groups').create({ params: inOrganisation(), body: { name: 'Everybody', is_default: true } })
  const user = await joinAs(server, home.organisation)
  const { users } = await asAdmin('groups').get({ params: { ...inOrganisation(), group: group.id } })
  expect(users.map(({ id }) => id)).toEqual([user])
})

test('an administrator of a group changes that group and no other, and not for themselves', async () => {
  const [own, other] = [await makeGroup(home), await makeGroup(home)]
  const [user, friend] = [await idOf(home.viewer), await joinAs(server, home.organisation)]
  const params = { ...inOrganisation(), group: own.id }
  await asAdmin('groups').addUsers({ params, body: { user_ids: [user] } })
  await asAdmin('groups').makeAdmin({ params: { ...params, user } })
  const groups = server.as(home.viewer, api.groups)
  expect((await groups.list({ params: inOrganisation() })).results.map(({ id }) => id)).toEqual([own.id])
  expect((await groups.addUsers({ params, body: { user_ids: [friend] } })).users).toHaveLength(2)
  await expect(groups.removeUsers({ params, body: { user_ids: [user] } })).rejects.toMatchObject({ status: 403 })
  await expect(groups.get({ params: { ...params, group: other.id } })).rejects.toMatchObject({ status: 403 })
  await expect(groups.delete({ params })).rejects.toMatchObject({ status: 403 })
})

test('nobody gives away more than they hold by putting others into a group', async () => {
  const group = await makeGroup(home)
  const manager = home.member
  const body = { user: await idOf(manager), permissions: ['MANAGE_USER_GROUPS'] }
  await asAdmin('organisationUserPermissions').create({ params: inOrganisation(), body })
  const params = { ...inOrganisation(), group: group.id }
  const groups = server.as(manager, api.groups)
  const add = async () => groups.addUsers({ params, body: { user_ids: [await joinAs(server, home.organisation)] } })
  await add()
  const administering = { group: group.id, admin: true }
  const granted = await asAdmin('projectGroupPermissions').create({ params: { project: home.project.id }, body: administering })
  await expect(add()).rejects.toMatchObject({ status: 403, message: expect.stringContaining('more than you hold') })
  await expect(groups.update({ params, body: { is_default: true } })).rejects.toMatchObject({ status: 403 })
  await asAdmin('projectGroupPermissions').delete({ params: { project: home.project.id, grant: granted.id } })
  await add()
})
