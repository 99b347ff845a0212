import { api, invalid, notFound, unknownId, type Level, type Query } from '@halyard/contract'
import type { Actor } from '../access/actor.ts'
import { requirePermission } from '../access/authorise.ts'
import { placeOf, type Place } from '../access/decide.ts'
import { findHeld, type Held, type Holder } from '../access/held.ts'
import type { OrganisationRow, Queryable, ScopeRows } from '../access/rows.ts'
import { implement, type Route } from '../http/implement.ts'
import { findMasterApiKey } from '../master-api-keys/queries.ts'
import { presentAccess, presentDetailed, presentListed, presentMine } from './rules.ts'

export const permissionRoutes = (): Route[] =>
  implement(api.permissionViews, {
    listForOrganisations: async () => presentListed('organisation'),
    listForProjects: async () => presentListed('project'),
    listForEnvironments: async () => presentListed('environment'),
    mineInOrganisation: (input) => mine(input, 'organisation'),
    mineInProject: (input) => mine(input, 'project'),
    mineInEnvironment: (input) => mine(input, 'environment'),
    ofUserInOrganisation: (input) => ofUser(input, 'organisation', presentDetailed),
    ofUserInProject: (input) => ofUser(input, 'project', presentDetailed),
    ofUserInEnvironment: (input) => ofUser(input, 'environment', presentDetailed),
    allOfUserInProject: (input) => ofUser(input, 'project', presentMine),
    accessToOrganisation: (input) => access(input, 'organisation'),
    accessToProject: (input) => access(input, 'project'),
    accessToEnvironment: (input) => access(input, 'environment'),
  })

type Asked = ScopeRows & { readonly db: Queryable; readonly actor: Actor; readonly organisation: OrganisationRow }

const mine = async (input: Asked, level: Level) => presentMine(await requireHeld(input, input.actor), placeOf(level, input))

async function ofUser<View>(
  input: Asked & { readonly params: { readonly user: number } },
  level: Level,
  present: (held: Held, place: Place) => View,
): Promise<View> {
  const user = { kind: 'user', id: input.params.user } as const
  await requireAsking(input, level, user)
  return present(await requireHeld(input, user), placeOf(level, input))
}

async function access(input: Asked & { readonly query: Query<typeof api.permissionViews.accessToProject> }, level: Level) {
  const holder = await findHolder(input)
  await requireAsking(input, level, holder)
  return presentAccess(holder, await requireHeld(input, holder), placeOf(level, input))
}

async function findHolder({ db, actor, organisation, query }: Parameters<typeof access>[0]): Promise<Holder> {
  if (query.user !== undefined && query.master_api_key !== undefined)
    throw invalid({ master_api_key: ['Ask about a user or an API key, not both.'] })
  if (query.user !== undefined) return { kind: 'user', id: query.user }
  if (query.master_api_key === undefined) return actor
  const key = await findMasterApiKey(db, organisation, query.master_api_key)
  if (!key) throw invalid({ master_api_key: [unknownId(query.master_api_key)] })
  return { kind: 'api_key', id: key.id, organisationId: organisation.id, isAdmin: key.is_admin }
}

/** What others may do is for administrators of the place to know. */
async function requireAsking(input: Asked, level: Level, holder: Holder): Promise<void> {
  const isSelf = holder.kind === input.actor.kind && 'id' in holder && 'id' in input.actor && holder.id === input.actor.id
  if (!isSelf) await requirePermission(input.db, input.actor, input, { permission: 'ADMIN', level })
}

async function requireHeld({ db, organisation }: Asked, holder: Holder): Promise<Held> {
  const held = await findHeld(db, holder, organisation.id)
  if (!held) throw notFound()
  return held
}
