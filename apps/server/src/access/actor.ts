/** Whoever does something. A person acts in every organisation they belong to, an API key in its own only. */
export type Actor = UserActor | ApiKeyActor | SystemActor

export interface UserActor {
  readonly kind: 'user'
  readonly id: number
  readonly email: string
  readonly name: string
  /** The token that was presented; undefined for whoever becomes somebody by signing in. */
  readonly token: PresentedToken | undefined
  /** Whether signing in takes a code besides the password. */
  readonly hasSecondFactor: boolean
}

export interface PresentedToken {
  readonly id: number
  /** A session begins by signing in; a personal token was made for scripts. */
  readonly kind: 'session' | 'personal'
}

export interface ApiKeyActor {
  readonly kind: 'api_key'
  readonly id: number
  readonly name: string
  readonly organisationId: number
  readonly isAdmin: boolean
}

export interface SystemActor {
  readonly kind: 'system'
  readonly name: string
}

interface Person {
  readonly id: number
  readonly email: string
  readonly first_name: string
  readonly last_name: string
}

export const userActor = (
  { id, email, first_name: first, last_name: last }: Person,
  by: Pick<UserActor, 'token' | 'hasSecondFactor'> = { token: undefined, hasSecondFactor: false },
): UserActor => ({
  kind: 'user',
  id,
  email,
  name: `${first} ${last}`.trim() || email,
  ...by,
})

export const system = (name: string): SystemActor => ({ kind: 'system', name })

export const actorId = (actor: Actor): number | null => (actor.kind === 'system' ? null : actor.id)
