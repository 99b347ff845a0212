import { forbidden } from '@halyard/contract'
import type { Actor } from './actor.ts'
import type { ScopeRows } from './rows.ts'

/** Whether an organisation asks of its people what this one does not have. Machines have no second factor, and keep working. */
export const lacksSecondFactor = (actor: Actor, organisation: { force_2fa: boolean }): boolean =>
  organisation.force_2fa && actor.kind === 'user' && !actor.hasSecondFactor

/** Setting one up happens outside of any organisation, so that nobody is locked out of doing so. */
export function requireSecondFactor(actor: Actor, { organisation }: ScopeRows): void {
  if (organisation && lacksSecondFactor(actor, organisation))
    throw forbidden(
      `The organisation “${organisation.name}” asks for two-factor authentication. Turn it on for your account: POST /api/v1/auth/app/activate/ answers a secret for your authenticator app, and POST /api/v1/auth/app/activate/confirm/ takes its code.`,
    )
}
