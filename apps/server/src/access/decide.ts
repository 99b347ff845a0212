import { supportsTags, type Level, type Permission } from '@halyard/contract'
import type { Grant, Held } from './held.ts'
import type { ScopeRows } from './rows.ts'

/** Where something is to be done. */
export interface Place {
  readonly level: Level
  readonly project?: { readonly id: number } | undefined
  readonly environment?: { readonly id: number } | undefined
}

export const placeOf = (level: Level, { project, environment }: ScopeRows): Place => ({ level, project, environment })

/**
 * Whether somebody may do something. Only being an administrator is inherited, from an organisation to its projects and from these
 * to their environments. With the tags of a feature, permissions that count for other tags only do not count.
 */
export function isAllowed(held: Held, permission: Permission, place: Place, tags?: readonly number[]): boolean {
  if (administers(held, place)) return true
  if (permission === 'ADMIN') return false
  if (permission === 'MEMBER') return canSee(held, place)
  return held.grants.some((grant) => isOf(grant, place) && holds(grant, permission, tags))
}

/** Whether somebody holds all that somebody else does, so that giving it away makes nobody mightier than who gives. */
export function holdsAll(held: Held, given: Held): boolean {
  if (held.role === 'ADMIN') return true
  return given.role !== 'ADMIN' && given.grants.every((grant) => isHeld(held, grant))
}

function isHeld(held: Held, { projectId, environmentId, isAdmin, permissions }: Grant): boolean {
  const level = environmentId === null ? (projectId === null ? 'organisation' : 'project') : 'environment'
  const place = {
    level,
    project: projectId === null ? undefined : { id: projectId },
    environment: environmentId === null ? undefined : { id: environmentId },
  } as const
  if (administers(held, place)) return true
  const own = held.grants.filter((grant) => isOf(grant, place))
  return !isAdmin && [...permissions].every(([key, tags]) => own.some((grant) => covers(tagsFor(grant, key), tags)))
}

/** A permission that somebody would hold for a feature only because its tags change; undefined: none. */
export const findWidened = (held: Held, project: { readonly id: number }, before: readonly number[], after: readonly number[]) =>
  held.grants
    .filter(({ projectId }) => projectId === project.id)
    .flatMap(({ environmentId, permissions }) => [...permissions.keys()].map((key) => ({ environmentId, key })))
    .filter(({ key }) => supportsTags(key))
    .find(({ environmentId, key }) => {
      const place = { level: environmentId === null ? 'project' : 'environment', project, environment: { id: environmentId ?? 0 } } as const
      const allows = (tags: readonly number[]) =>
        administers(held, place) || held.grants.some((grant) => isOf(grant, place) && holds(grant, key, tags))
      return allows(after) && !allows(before)
    })?.key

const covers = (own: readonly number[] | undefined, wanted: readonly number[]): boolean =>
  own !== undefined && (own.length === 0 || (wanted.length > 0 && wanted.every((tag) => own.includes(tag))))

/** What cannot be seen does not exist for whoever asks. */
export function canSee(held: Held, place: Place): boolean {
  if (place.level === 'organisation') return true
  return isAllowed(held, place.level === 'project' ? 'VIEW_PROJECT' : 'VIEW_ENVIRONMENT', place)
}

export const administers = (held: Held, place: Place): boolean =>
  held.role === 'ADMIN' || held.grants.some((grant) => grant.isAdmin && isAbove(grant, place))

/** Whether a grant was given exactly there. */
export function isOf(grant: Grant, { level, project, environment }: Place): boolean {
  if (level === 'organisation') return grant.projectId === null
  if (level === 'project') return grant.projectId === project?.id && grant.environmentId === null
  return grant.environmentId === environment?.id
}

/** Whether an administrator by this grant is one there. */
export const isAbove = (grant: Grant, place: Place): boolean =>
  place.level !== 'organisation' && (isOf(grant, place) || (grant.projectId === place.project?.id && grant.environmentId === null))

function holds(grant: Grant, permission: string, tags: readonly number[] | undefined): boolean {
  const wanted = tagsFor(grant, permission)
  return wanted !== undefined && (wanted.length === 0 || tags === undefined || wanted.some((tag) => tags.includes(tag)))
}

/** The tags of which a feature must carry one, for a permission to count; none: it counts for all. Undefined: it was not granted. */
export function tagsFor({ permissions }: Grant, permission: string): readonly number[] | undefined {
  const tags = permissions.get(permission)
  return tags && (supportsTags(permission) ? tags : [])
}
