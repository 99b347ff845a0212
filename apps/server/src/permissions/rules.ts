import { keysOf, permissions, supportsTags, type api, type Level, type Reply } from '@halyard/contract'
import { administers, isAbove, isOf, tagsFor, type Place } from '../access/decide.ts'
import type { Grant, Held, Holder } from '../access/held.ts'

type Listed = Reply<typeof api.permissionViews.listForProjects>
type Mine = Reply<typeof api.permissionViews.mineInProject>
type Detailed = Reply<typeof api.permissionViews.ofUserInProject>
type Access = Reply<typeof api.permissionViews.accessToProject>

export const presentListed = (level: Level): Listed =>
  Object.entries(permissions[level]).map(([key, description]) => ({ key, description, supports_tag: supportsTags(key) }))

export function presentMine(held: Held, place: Place): Mine {
  if (administers(held, place)) return { permissions: keysOf(place.level), admin: true, tag_based_permissions: [] }
  const keys = keysOf(place.level).map((key) => ({ key, tags: heldFor(held, place, key) }))
  const scoped = keys.flatMap(({ key, tags }) => (tags && tags.length > 0 ? [{ key, tags }] : []))
  const scopes = [...new Map(scoped.map(({ tags }) => [tags.join(), tags])).values()]
  return {
    permissions: keys.filter(({ tags }) => tags?.length === 0).map(({ key }) => key),
    admin: false,
    tag_based_permissions: scopes.map((tags) => ({
      permissions: scoped.filter((each) => each.tags.join() === tags.join()).map(({ key }) => key),
      tags,
    })),
  }
}

/** The tags of which a feature must carry one, in order; none: it is held for all. Undefined: it is not held. */
function heldFor(held: Held, place: Place, key: string): number[] | undefined {
  const scopes = grantsIn(held, place).flatMap((grant) => {
    const tags = tagsFor(grant, key)
    return tags ? [tags] : []
  })
  if (scopes.length === 0) return undefined
  return scopes.some((tags) => tags.length === 0) ? [] : [...new Set(scopes.flat())].toSorted((one, other) => one - other)
}

const grantsIn = (held: Held, place: Place): Grant[] => held.grants.filter((grant) => isOf(grant, place))

export function presentDetailed(held: Held, place: Place): Detailed {
  const admins = held.grants.filter((grant) => grant.isAdmin && isAbove(grant, place))
  const keys = keysOf(place.level).map((key) => ({ key, from: grantsIn(held, place).filter((grant) => tagsFor(grant, key)) }))
  const direct = held.role === 'ADMIN'
  return {
    admin: direct || admins.length > 0,
    is_directly_granted: direct || isDirect(admins),
    derived_from: derivedFrom(admins),
    permissions: keys
      .filter(({ from }) => from.length > 0)
      .map(({ key, from }) => ({ permission_key: key, is_directly_granted: isDirect(from), derived_from: derivedFrom(from) })),
  }
}

const isDirect = (grants: readonly Grant[]) => grants.some(({ through }) => through.kind === 'user')

function derivedFrom(grants: readonly Grant[]): Detailed['derived_from'] {
  const groups = grants.flatMap(({ through }) => (through.kind === 'group' ? [{ id: through.id, name: through.name }] : []))
  const roles = grants.flatMap(({ through }) =>
    through.kind === 'role' ? [{ id: through.id, name: through.name, tags: [...through.tags] }] : [],
  )
  return { groups, roles }
}

type Reason = Access['permissions'][number]['through'][number]

/** Every key of the level, whether it is held and through what. */
export function presentAccess(holder: Holder, held: Held, place: Place): Access {
  const admins = reasonsToAdminister(holder, held, place)
  return {
    admin: admins.length > 0,
    permissions: keysOf(place.level).map((key) => {
      const reasons = grantsIn(held, place).flatMap((grant) => {
        const tags = tagsFor(grant, key)
        return tags ? [reason(grant, 'permission', tags)] : []
      })
      const tags = admins.length > 0 ? [] : heldFor(held, place, key)
      return { key, allowed: tags !== undefined, tags: tags && tags.length > 0 ? tags : null, through: [...admins, ...reasons] }
    }),
  }
}

function reasonsToAdminister(holder: Holder, held: Held, place: Place): Reason[] {
  const grants = held.grants.filter((grant) => grant.isAdmin && isAbove(grant, place)).map((grant) => reason(grant, 'admin', []))
  if (held.role !== 'ADMIN') return grants
  const grantedTo = holder.kind === 'api_key' ? 'master_api_key' : 'user'
  return [{ kind: 'organisation_admin', level: 'organisation', granted_to: grantedTo, id: null, name: null, tags: [] }, ...grants]
}

function reason({ through, projectId, environmentId }: Grant, kind: Reason['kind'], tags: readonly number[]): Reason {
  const level = environmentId === null ? (projectId === null ? 'organisation' : 'project') : 'environment'
  const whose = through.kind === 'user' ? { id: null, name: null } : { id: through.id, name: through.name }
  return { kind, level, granted_to: through.kind, ...whose, tags: [...tags] }
}
