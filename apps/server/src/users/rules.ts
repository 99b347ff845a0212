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
