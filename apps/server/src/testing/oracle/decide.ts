// What the policy means, written from the reference and not from the server: nothing here may import from it.

/** §3.1, by the level that each is granted at. */
export const keys = {
  organisation: ['CREATE_PROJECT', 'MANAGE_USER_GROUPS'],
  project: [
    'VIEW_PROJECT',
    'CREATE_ENVIRONMENT',
    'CREATE_FEATURE',
    'DELETE_FEATURE',
    'MANAGE_SEGMENTS',
    'MANAGE_TAGS',
    'VIEW_AUDIT_LOG',
    'CREATE_PROJECT_LEVEL_CHANGE_REQUESTS',
    'APPROVE_PROJECT_LEVEL_CHANGE_REQUESTS',
    'MANAGE_PROJECT_LEVEL_CHANGE_REQUESTS',
  ],
  environment: [
    'VIEW_ENVIRONMENT',
    'UPDATE_FEATURE_STATE',
    'MANAGE_SEGMENT_OVERRIDES',
    'VIEW_IDENTITIES',
    'MANAGE_IDENTITIES',
    'CREATE_CHANGE_REQUEST',
    'APPROVE_CHANGE_REQUEST',
  ],
} as const

export type Level = keyof typeof keys
export type Key = (typeof keys)[Level][number]

/** What somebody may hold besides the keys: the flags of §3.1. */
type Flag = 'ORGANISATION_ADMIN' | 'PROJECT_ADMIN' | 'ENVIRONMENT_ADMIN' | 'GROUP_ADMIN'
export type Holding = Key | Flag

/** One thing that an operation asks for. `MEMBER`: belonging to the organisation. `SEES_…`: whatever lets somebody see the place. */
export type Asked = Holding | 'MEMBER' | 'SEES_PROJECT' | 'SEES_ENVIRONMENT'

/** Who may do something; of several things that are asked for, all, in this order. */
export type Who =
  /** Without saying who one is. */
  | 'ANYBODY'
  | 'SIGNED_IN'
  | Asked
  | { readonly all: readonly Asked[] }
  | { readonly either: readonly [Asked, Asked] }
  /** For others what it is about does not exist, though they see where it is. */
  | { readonly hiddenUnless: Asked }
  /** Only with what is one's own: for anybody else it does not exist. */
  | 'WHOSE_IT_IS'
  /** For somebody who is none of those who ask here. */
  | 'THE_INVITED'

export interface Rule {
  readonly who: Who
  /** Not for API keys, or not for personal tokens either. */
  readonly only?: 'people' | 'sessions'
  /** What is answered depends on who asks, beyond whether they may. */
  readonly isAboutOneself?: true
}

export type Place = 'own' | 'sibling' | 'other organisation'

/** Whoever asks. All that they hold they hold at the place `own`. */
export type Standing =
  | { readonly as: 'nobody' }
  | {
      readonly as: 'person' | 'personal token' | 'API key'
      readonly of: 'own organisation' | 'other organisation'
      readonly holds: readonly Holding[]
    }
type Known = Exclude<Standing, { as: 'nobody' }>

export type Outcome = 'allowed' | '401' | '403' | '404'

export function outcomeFor(standing: Standing, { who, only }: Rule, place: Place): Outcome {
  if (who === 'ANYBODY') return 'allowed'
  if (standing.as === 'nobody') return '401'
  // Before anything is looked for, so that it tells nothing of what there is.
  if (only !== undefined && standing.as === 'API key') return '403'
  if (only === 'sessions' && standing.as === 'personal token') return '403'
  if (who === 'SIGNED_IN') return 'allowed'
  if (who === 'THE_INVITED') return '403'
  if (who === 'WHOSE_IT_IS') return has(standing, 'ORGANISATION_ADMIN', place) ? 'allowed' : '404'
  if (typeof who === 'string') return outcomeOfAsking(standing, who, place)
  if ('hiddenUnless' in who) return has(standing, who.hiddenUnless, place) ? 'allowed' : '404'
  if ('either' in who)
    return who.either.some((asked) => has(standing, asked, place)) ? 'allowed' : outcomeOfAsking(standing, who.either[0], place)
  return who.all.map((asked) => outcomeOfAsking(standing, asked, place)).find((outcome) => outcome !== 'allowed') ?? 'allowed'
}

const outcomeOfAsking = (standing: Known, asked: Asked, place: Place): Outcome => {
  if (has(standing, asked, place)) return 'allowed'
  return sees(standing, levelOf(asked), place) ? '403' : '404'
}

/** §3.2: keys count where they were granted and nowhere below, administrators there and below. */
function has(standing: Known, asked: Asked, place: Place): boolean {
  if ((place === 'other organisation') !== (standing.of === 'other organisation')) return false
  if (asked === 'MEMBER' || standing.holds.includes('ORGANISATION_ADMIN')) return true
  const level = levelOf(asked)
  const counts = place === 'own' || level === 'organisation'
  return counts && enough(asked, level).some((holding) => standing.holds.includes(holding))
}

function enough(asked: Asked, level: Level): Holding[] {
  const above: Holding[] = level === 'organisation' ? [] : level === 'project' ? ['PROJECT_ADMIN'] : ['PROJECT_ADMIN', 'ENVIRONMENT_ADMIN']
  if (asked === 'MEMBER') return above
  if (asked === 'SEES_PROJECT') return ['VIEW_PROJECT', ...above]
  if (asked === 'SEES_ENVIRONMENT') return ['VIEW_ENVIRONMENT', ...above]
  return [asked, ...above]
}

/** What cannot be seen does not exist for whoever asks. */
export function sees(standing: Standing, level: Level, place: Place): boolean {
  if (standing.as === 'nobody') return false
  return has(standing, level === 'organisation' ? 'MEMBER' : level === 'project' ? 'SEES_PROJECT' : 'SEES_ENVIRONMENT', place)
}

export function levelOf(asked: Asked): Level {
  if (asked === 'SEES_PROJECT' || asked === 'PROJECT_ADMIN' || keys.project.some((key) => key === asked)) return 'project'
  if (asked === 'SEES_ENVIRONMENT' || asked === 'ENVIRONMENT_ADMIN' || keys.environment.some((key) => key === asked)) return 'environment'
  return 'organisation'
}

/** The lowest level at which something is asked for; undefined: nothing is asked for in any place. */
export function levelAsked({ who }: Rule): Level | undefined {
  if (who === 'ANYBODY' || who === 'SIGNED_IN' || who === 'THE_INVITED') return undefined
  if (who === 'WHOSE_IT_IS') return 'organisation'
  const asked = typeof who === 'string' ? [who] : 'all' in who ? who.all : 'either' in who ? who.either : [who.hiddenUnless]
  const levels = asked.map(levelOf)
  return levels.find((level) => level === 'environment') ?? levels.find((level) => level === 'project') ?? 'organisation'
}
