/** Why a set-up token may not be used; undefined: it may. */
export function whyNotSetUp(found: { isSetUp: boolean; isSetupToken: boolean }): string | undefined {
  if (found.isSetUp) return 'This installation is set up already: sign in instead.'
  if (!found.isSetupToken)
    return 'The set-up token is not valid. Each start of the server makes a new one: use the link that it printed last.'
  return undefined
}
