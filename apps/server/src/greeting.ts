import type { Config } from './runtime/config.ts'

export interface Greeting {
  readonly url: string
  /** Undefined once the installation has an administrator. */
  readonly setupToken: string | undefined
  /** Keys of the demo project, until somebody can sign in. */
  readonly demo: { readonly clientKey: string; readonly serverKey: string } | undefined
}

/** What a person reads after starting: where it is, and what to do next. Every command works when pasted. */
export function greet(config: Config, { url, setupToken, demo }: Greeting): string {
  const parts = [`\nHalyard ${config.version} is at ${url}`, database(config)]
  if (setupToken) parts.push(`Set it up (the link works once, until the next start):\n  ${url}/setup?token=${setupToken}`)
  else parts.push(signIn(url, config.firstAdmin?.email ?? 'you@example.com'))
  if (demo) parts.push(demoSteps(url, demo))
  return `${parts.join('\n\n')}\n\n`
}

const database = ({ databaseUrl, dataDir }: Config) =>
  databaseUrl
    ? 'The database is PostgreSQL.'
    : `The database is embedded, in ${dataDir}: for evaluation and small teams. It survives a killed process, not a power cut; use PostgreSQL in production.`

const signIn = (url: string, email: string) => `Sign in for a token, with your password:
  curl -X POST ${url}/api/v1/auth/login/ -H 'Content-Type: application/json' -d '{"email": "${email}", "password": "…"}'`

const demoSteps = (url: string, { clientKey, serverKey }: NonNullable<Greeting['demo']>) => `Ask for the demo project's flags, as Ada:
  curl -H 'X-Environment-Key: ${clientKey}' '${url}/api/v1/identities/?identifier=ada'

Or from Node.js, saved as flags.mjs, after: npm install flagsmith-nodejs
  import { Flagsmith } from 'flagsmith-nodejs'
  const halyard = new Flagsmith({ environmentKey: '${serverKey}', apiUrl: '${url}/api/v1/', enableLocalEvaluation: true })
  const flags = await halyard.getIdentityFlags('ada', { plan: 'beta' })
  console.log(flags.isFeatureEnabled('new_checkout'), flags.getFeatureValue('checkout_button'))
  await halyard.close()`
