import type { Config } from './runtime/config.ts'

export interface Greeting {
  readonly url: string
  /** Undefined once somebody has signed up. */
  readonly setupToken: string | undefined
  /** Keys of the demo project, when this start made it. */
  readonly demo: { readonly clientKey: string; readonly serverKey: string } | undefined
}

/** What a person reads after starting: where it is, and what to do next. Every command works when pasted. */
export function greet(config: Config, { url, setupToken, demo }: Greeting): string {
  const parts = [`\nHalyard ${config.version} is at ${url}`, database(config)]
  if (setupToken) parts.push(`Set it up (the link works once, until the next start):\n  ${url}/setup?token=${setupToken}`)
  if (demo) parts.push(demoSteps(url, demo))
  return `${parts.join('\n\n')}\n\n`
}

const database = ({ databaseUrl, dataDir }: Config) =>
  databaseUrl
    ? 'The database is PostgreSQL.'
    : `The database is embedded, in ${dataDir}: for evaluation and small teams. It survives a killed process, not a power cut; use PostgreSQL in production.`

const demoSteps = (url: string, { clientKey, serverKey }: NonNullable<Greeting['demo']>) => `Ask for the demo project's flags, as Ada:
  curl -H 'X-Environment-Key: ${clientKey}' '${url}/api/v1/identities/?identifier=ada'

Or from Node.js, after: npm install flagsmith-nodejs
  import { Flagsmith } from 'flagsmith-nodejs'
  const halyard = new Flagsmith({ environmentKey: '${serverKey}', apiUrl: '${url}/api/v1/', enableLocalEvaluation: true })
  const flags = await halyard.getIdentityFlags('ada', { plan: 'beta' })
  console.log(flags.isFeatureEnabled('new_checkout'), flags.getFeatureValue('checkout_button'))
  await halyard.close()`
