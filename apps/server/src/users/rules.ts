const closed =
  'Signing up needs an invitation on this installation. Ask an administrator, or let anybody sign up with ALLOW_REGISTRATION_WITHOUT_INVITE=true.'

interface Registration {
  readonly isOpen: boolean
  readonly email: string
  /** One that is good; to whom it went, or null: to whoever has the link. */
  readonly invitation: { readonly email: string | null } | undefined
}

/** Why somebody may not have an account; undefined: they may. Decided here alone, whatever the way they come. */
export function whyNotRegister({ isOpen, email, invitation }: Registration): string | undefined {
  if (isOpen) return undefined
  if (!invitation) return closed
  if (invitation.email !== null && invitation.email !== email)
    return 'The invitation is for another e-mail address: sign up with the address that it was sent to.'
  return undefined
}

/** Why a set-up token may not be used; undefined: it may. */
export function whyNotSetUp(found: { isSetUp: boolean; isSetupToken: boolean }): string | undefined {
  if (found.isSetUp) return 'This installation is set up already: sign in instead.'
  if (!found.isSetupToken)
    return 'The set-up token is not valid. Each start of the server makes a new one: use the link that it printed last.'
  return undefined
}

/** Why somebody may not delete their account; undefined: they may. */
export function whyNotLeave(soleAdministrations: readonly { name: string }[]): string | undefined {
  const [first] = soleAdministrations
  return (
    first &&
    `You are the only administrator of “${first.name}”, and others belong to it. Make one of them administrator, or delete the organisation first.`
  )
}
