import { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import { joinAs, nameOf, type Fixture } from './fixture.ts'
import { makeGroup, makeMasterApiKey, makeRole, makeTag } from './makers.ts'

const organisation = ({ organisation: { id } }: Fixture) => ({ organisation: id })
const project = ({ project: { id } }: Fixture) => ({ project: id })
const environment = ({ environment: { api_key } }: Fixture) => ({ environment_key: api_key })
const user = ({ userId }: Fixture) => ({ user: userId })

export const permissionViews: ExamplesOf<typeof api.permissionViews> = {
  listForOrganisations: async () => ({}),
  listForProjects: async () => ({}),
  listForEnvironments: async () => ({}),
  mineInOrganisation: async (at) => ({ params: organisation(at) }),
  mineInProject: async (at) => ({ params: project(at) }),
  mineInEnvironment: async (at) => ({ params: environment(at) }),
  ofUserInOrganisation: async (at) => ({ params: { ...organisation(at), ...user(at) } }),
  ofUserInProject: async (at) => ({ params: { ...project(at), ...user(at) } }),
  ofUserInEnvironment: async (at) => ({ params: { ...environment(at), ...user(at) } }),
  allOfUserInProject: async (at) => ({ params: { ...project(at), ...user(at) } }),
  accessToOrganisation: async (at) => ({ params: organisation(at), query: { user: at.userId } }),
  accessToProject: async (at) => ({ params: project(at), query: { user: at.userId } }),
  accessToEnvironment: async (at) => ({ params: environment(at), query: { user: at.userId } }),
}

const newcomer = async (at: Fixture) => ({ user: await joinAs(at.server, at.organisation) })
const newGroup = async (at: Fixture) => ({ group: (await makeGroup(at)).id })

interface Rows<Place, Holder> {
  readonly place: (at: Fixture) => Place
  readonly holder: (at: Fixture) => Promise<Holder>
  readonly create: (at: Fixture, place: Place, body: Holder & { permissions: string[] }) => Promise<{ readonly id: number }>
  readonly key: string
  readonly other: string
}

function grantExamples<Place extends object, Holder extends object>({ place, holder, create, key, other }: Rows<Place, Holder>) {
  const body = async (at: Fixture) => ({ ...(await holder(at)), permissions: [key] })
  const params = async (at: Fixture) => ({ ...place(at), grant: (await create(at, place(at), await body(at))).id })
  return {
    list: async (at: Fixture) => ({ params: place(at) }),
    create: async (at: Fixture) => ({ params: place(at), body: await body(at) }),
    get: async (at: Fixture) => ({ params: await params(at) }),
    update: async (at: Fixture) => ({ params: await params(at), body: { permissions: [other] } }),
    replace: async (at: Fixture) => ({ params: await params(at), body: { permissions: [key, other] } }),
    delete: async (at: Fixture) => ({ params: await params(at) }),
  }
}

const inOrganisation = { place: organisation, key: 'CREATE_PROJECT', other: 'MANAGE_USER_GROUPS' }
const inProject = { place: project, key: 'VIEW_PROJECT', other: 'DELETE_FEATURE' }
const inEnvironment = { place: environment, key: 'VIEW_ENVIRONMENT', other: 'UPDATE_FEATURE_STATE' }

export const organisationUserPermissions: ExamplesOf<typeof api.organisationUserPermissions> = grantExamples({
  ...inOrganisation,
  holder: newcomer,
  create: (at, params, body) => at.server.as(at.authorization, api.organisationUserPermissions).create({ params, body }),
})
export const organisationGroupPermissions: ExamplesOf<typeof api.organisationGroupPermissions> = grantExamples({
  ...inOrganisation,
  holder: newGroup,
  create: (at, params, body) => at.server.as(at.authorization, api.organisationGroupPermissions).create({ params, body }),
})
export const projectUserPermissions: ExamplesOf<typeof api.projectUserPermissions> = grantExamples({
  ...inProject,
  holder: newcomer,
  create: (at, params, body) => at.server.as(at.authorization, api.projectUserPermissions).create({ params, body }),
})
export const projectGroupPermissions: ExamplesOf<typeof api.projectGroupPermissions> = grantExamples({
  ...inProject,
  holder: newGroup,
  create: (at, params, body) => at.server.as(at.authorization, api.projectGroupPermissions).create({ params, body }),
})
export const environmentUserPermissions: ExamplesOf<typeof api.environmentUserPermissions> = grantExamples({
  ...inEnvironment,
  holder: newcomer,
  create: (at, params, body) => at.server.as(at.authorization, api.environmentUserPermissions).create({ params, body }),
})
export const environmentGroupPermissions: ExamplesOf<typeof api.environmentGroupPermissions> = grantExamples({
  ...inEnvironment,
  holder: newGroup,
  create: (at, params, body) => at.server.as(at.authorization, api.environmentGroupPermissions).create({ params, body }),
})

const group = async (at: Fixture) => ({ ...organisation(at), ...(await newGroup(at)) })

async function groupWithUser(at: Fixture, isAdmin = false) {
  const params = await group(at)
  const { user } = await newcomer(at)
  await at.server.as(at.authorization, api.groups).addUsers({ params, body: { user_ids: [user] } })
  if (isAdmin) await at.server.as(at.authorization, api.groups).makeAdmin({ params: { ...params, user } })
  return { ...params, user }
}

export const groups: ExamplesOf<typeof api.groups> = {
  list: async (at) => ({ params: organisation(at) }),
  listMine: async (at) => ({ params: organisation(at) }),
  listSummaries: async (at) => ({ params: organisation(at) }),
  create: async (at) => ({ params: organisation(at), body: { name: nameOf(at, 'group'), external_id: nameOf(at, 'group') } }),
  get: async (at) => ({ params: await group(at) }),
  update: async (at) => ({ params: await group(at), body: { external_id: nameOf(at, 'group') } }),
  replace: async (at) => ({ params: await group(at), body: { name: nameOf(at, 'group') } }),
  delete: async (at) => ({ params: await group(at) }),
  addUsers: async (at) => ({ params: await group(at), body: { user_ids: [(await newcomer(at)).user] } }),
  async removeUsers(at) {
    const { user, ...params } = await groupWithUser(at)
    return { params, body: { user_ids: [user] } }
  },
  makeAdmin: async (at) => ({ params: await groupWithUser(at) }),
  removeAdmin: async (at) => ({ params: await groupWithUser(at, true) }),
}

const role = async (at: Fixture) => ({ ...organisation(at), role: (await makeRole(at)).id })

export const roles: ExamplesOf<typeof api.roles> = {
  list: async (at) => ({ params: organisation(at) }),
  create: async (at) => ({ params: organisation(at), body: { name: nameOf(at, 'role'), tags: [(await makeTag(at)).id] } }),
  get: async (at) => ({ params: await role(at) }),
  update: async (at) => ({ params: await role(at), body: { description: 'Changed', tags: [(await makeTag(at)).id] } }),
  replace: async (at) => ({ params: await role(at), body: { name: nameOf(at, 'role') } }),
  delete: async (at) => ({ params: await role(at) }),
  listOfUser: async (at) => ({ params: { ...organisation(at), ...user(at) } }),
  listOfGroup: async (at) => ({ params: await group(at) }),
  listOfMasterApiKey: async (at) => ({ params: { ...organisation(at), prefix: (await makeMasterApiKey(at)).prefix } }),
}

interface Assignments<Holder> {
  readonly holder: (at: Fixture) => Promise<Holder>
  readonly create: (at: Fixture, params: { organisation: number; role: number }, body: Holder) => Promise<{ readonly id: number }>
}

const assignmentExamples = <Holder extends object>({ holder, create }: Assignments<Holder>) => ({
  list: async (at: Fixture) => ({ params: await role(at) }),
  create: async (at: Fixture) => ({ params: await role(at), body: await holder(at) }),
  async delete(at: Fixture) {
    const params = await role(at)
    return { params: { ...params, assignment: (await create(at, params, await holder(at))).id } }
  },
})

export const roleUsers: ExamplesOf<typeof api.roleUsers> = assignmentExamples({
  holder: newcomer,
  create: (at, params, body) => at.server.as(at.authorization, api.roleUsers).create({ params, body }),
})
export const roleGroups: ExamplesOf<typeof api.roleGroups> = assignmentExamples({
  holder: newGroup,
  create: (at, params, body) => at.server.as(at.authorization, api.roleGroups).create({ params, body }),
})
export const roleMasterApiKeys: ExamplesOf<typeof api.roleMasterApiKeys> = assignmentExamples({
  async holder(at) {
    const body = { name: nameOf(at, 'key'), is_admin: false }
    const key = await at.server.as(at.authorization, api.masterApiKeys).create({ params: organisation(at), body })
    return { master_api_key: key.prefix }
  },
  create: (at, params, body) => at.server.as(at.authorization, api.roleMasterApiKeys).create({ params, body }),
})

interface RoleRows<Body> {
  readonly body: (at: Fixture) => Body
  readonly create: (at: Fixture, params: { organisation: number; role: number }, body: Body) => Promise<{ readonly id: number }>
  readonly other: string
}

function roleGrantExamples<Body extends object>({ body, create, other }: RoleRows<Body>) {
  const params = async (at: Fixture) => {
    const of = await role(at)
    return { ...of, grant: (await create(at, of, body(at))).id }
  }
  return {
    list: async (at: Fixture) => ({ params: await role(at) }),
    create: async (at: Fixture) => ({ params: await role(at), body: body(at) }),
    get: async (at: Fixture) => ({ params: await params(at) }),
    update: async (at: Fixture) => ({ params: await params(at), body: { permissions: [other] } }),
    replace: async (at: Fixture) => ({ params: await params(at), body: { permissions: [] } }),
    delete: async (at: Fixture) => ({ params: await params(at) }),
  }
}

export const roleOrganisationPermissions: ExamplesOf<typeof api.roleOrganisationPermissions> = roleGrantExamples({
  body: () => ({ permissions: ['CREATE_PROJECT'] }),
  create: (at, params, body) => at.server.as(at.authorization, api.roleOrganisationPermissions).create({ params, body }),
  other: 'MANAGE_USER_GROUPS',
})
export const roleProjectPermissions: ExamplesOf<typeof api.roleProjectPermissions> = roleGrantExamples({
  body: (at) => ({ ...project(at), permissions: ['VIEW_PROJECT', { permission_key: 'DELETE_FEATURE', tags: [] }] }),
  create: (at, params, body) => at.server.as(at.authorization, api.roleProjectPermissions).create({ params, body }),
  other: 'CREATE_FEATURE',
})
export const roleEnvironmentPermissions: ExamplesOf<typeof api.roleEnvironmentPermissions> = roleGrantExamples({
  body: (at) => ({ environment: at.environment.id, permissions: ['VIEW_ENVIRONMENT'] }),
  create: (at, params, body) => at.server.as(at.authorization, api.roleEnvironmentPermissions).create({ params, body }),
  other: 'UPDATE_FEATURE_STATE',
})
