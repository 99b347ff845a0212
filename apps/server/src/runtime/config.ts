import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newPassword } from '@halyard/contract'
import * as z from 'zod'
import { isAddressRange, type OutboundLimits } from './outbound-addresses.ts'
import { makeDirectory } from './make-directory.ts'

const yesOrNo = z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true')
const whole = (least: number, most: number) => z.coerce.number(`must be a whole number from ${least} to ${most}`).int().min(least).max(most)
// `10.0.0.0/8, 192.168.7.3` as a list.
const listed = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
const addressRanges = z
  .string()
  .refine((text) => listed(text).every(isAddressRange), 'must be addresses and ranges, like 10.0.0.0/8,192.168.7.3')
const portNumbers = z
  .string()
  .refine((text) => listed(text).every((port) => /^\d{1,5}$/.test(port) && Number(port) <= 65_535), 'must be port numbers, like 80,443')
const postgresUrl = z.string().regex(/^postgres(ql)?:\/\/./, 'must be an address like postgres://user:password@host:5432/database')

/** Every setting there is, as environment variables; the README's table is checked against this. */
export const settings = z.object({
  PORT: whole(0, 65_535).default(8000).describe('Port to listen on; 0 takes any free one.'),
  HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for all.'),
  PUBLIC_URL: z.url().optional().describe('How people reach this server, for links it prints. Default: HOST and PORT.'),
  DATABASE_URL: postgresUrl.optional().describe('PostgreSQL 15 or newer. Unset: an embedded database under DATA_DIR.'),
  IDENTITY_DATABASE_URL: postgresUrl.optional().describe('Where identities are stored. Default: DATABASE_URL.'),
  DATABASE_POOL_SIZE: whole(1, 500).default(10).describe('Connections per process.'),
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .describe('The embedded database, the secret key, and environments saved for when the database is away.'),
  SECRET_KEY: z
    .string()
    .min(32, 'must be at least 32 characters')
    .optional()
    .describe(
      'Signs stream addresses and encrypts stored secrets. At least 32 characters; required with DATABASE_URL. Embedded: made on first start.',
    ),
  PREVIOUS_SECRET_KEYS: z
    .string()
    .transform((keys) => keys.split(/[\s,]+/).filter((key) => key !== ''))
    .optional()
    .describe('What SECRET_KEY was before, separated by commas: what they encrypted stays readable.'),
  DEMO: yesOrNo.optional().describe('Fill an empty database with a demo project. Default: true when embedded, else false.'),
  ADMIN_EMAIL: z
    .email('must be an e-mail address')
    .optional()
    .describe('With ADMIN_PASSWORD: makes the first administrator on an empty database.'),
  ADMIN_PASSWORD: newPassword.optional().describe('At least 8 characters, not only digits, and not what everybody tries.'),
  ALLOW_REGISTRATION_WITHOUT_INVITE: yesOrNo.default(false).describe('Lets anybody sign up.'),
  DISABLE_INVITE_LINKS: yesOrNo.default(false).describe('Refuses invite links: people are invited by e-mail only.'),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, error: 'must be an address like smtp://user:password@host:587 or smtps://…:465' })
    .optional()
    .describe('Sends mail, with MAIL_FROM; user and password percent-encoded. Unset: links that mails would hold go to the log.'),
  MAIL_FROM: z.email('must be an e-mail address').optional().describe('Whom mails come from.'),
  TRUST_PROXY: whole(0, 10).default(0).describe('How many proxies in front add to X-Forwarded-For; 0 believes nobody.'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('Least severe line that is logged.'),
  OUTBOUND_ALLOW: addressRanges
    .optional()
    .describe('Private addresses and ranges that webhooks and the like may call, at any port, such as 10.0.0.0/8,192.168.7.3.'),
  OUTBOUND_PORTS: portNumbers.default('80,443,8080,8443').describe('Ports of public addresses that may be called.'),
  IMPORT_MEGABYTES_MAX: whole(1, 100_000).default(100).describe('Largest file that is imported.'),
  USAGE_DAYS: whole(1, 3650).default(90).describe('How long counts of requests and evaluations, and events, are kept, in days.'),
  WEBHOOK_TESTS_PER_MINUTE: whole(1, 1_000_000).default(6).describe('Samples that one caller may have sent to a webhook.'),
  WEBHOOK_DELIVERY_DAYS: whole(1, 3650).default(30).describe('How long it is kept what webhooks were sent, in days.'),
  LOGIN_ATTEMPTS_PER_MINUTE: whole(1, 1_000_000)
    .default(20)
    .describe('Attempts at signing in or up, passwords, codes and links, per address and process. Accounts are protected besides.'),
  SESSION_IDLE_HOURS: whole(1, 8760).default(12).describe('A session that is not used for so long ends.'),
  SESSION_DAYS: whole(1, 366).default(7).describe('A session ends after this, used or not.'),
})

type Settings = z.output<typeof settings>

export interface Config {
  readonly port: number
  readonly host: string
  readonly publicUrl: string | undefined
  readonly databaseUrl: string | undefined
  readonly identityDatabaseUrl: string | undefined
  readonly databasePoolSize: number
  readonly dataDir: string
  readonly secretKey: string
  readonly previousSecretKeys: readonly string[]
  readonly demo: boolean
  readonly firstAdmin: { readonly email: string; readonly password: string } | undefined
  readonly allowRegistrationWithoutInvite: boolean
  readonly disableInviteLinks: boolean
  /** Undefined: mails go to the log. */
  readonly mail: { readonly smtpUrl: string; readonly from: string } | undefined
  /** How many of the last addresses in X-Forwarded-For are proxies' own. */
  readonly trustProxy: number
  readonly logLevel: Settings['LOG_LEVEL']
  readonly outbound: OutboundLimits
  readonly importMegabytesMax: number
  readonly usageDays: number
  readonly webhookTestsPerMinute: number
  readonly webhookDeliveryDays: number
  readonly loginAttemptsPerMinute: number
  readonly sessionIdleHours: number
  readonly sessionDays: number
  readonly version: string
}

/** A configuration that cannot be started with; the message says which variable and what it takes. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Reads the environment once. Throws `ConfigError` with every wrong variable named. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const parsed = settings.safeParse(withoutBlanks(environment))
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new ConfigError(`The configuration is not valid:\n${lines.join('\n')}`)
  }
  const read = parsed.data
  if ((read.ADMIN_EMAIL === undefined) !== (read.ADMIN_PASSWORD === undefined)) {
    throw new ConfigError('ADMIN_EMAIL and ADMIN_PASSWORD work together: set both or neither.')
  }
  if ((read.SMTP_URL === undefined) !== (read.MAIL_FROM === undefined)) {
    throw new ConfigError('SMTP_URL and MAIL_FROM work together: set both or neither.')
  }
  return Object.freeze({
    port: read.PORT,
    host: read.HOST,
    publicUrl: read.PUBLIC_URL?.replace(/\/+$/, ''),
    databaseUrl: read.DATABASE_URL,
    identityDatabaseUrl: read.IDENTITY_DATABASE_URL,
    databasePoolSize: read.DATABASE_POOL_SIZE,
    dataDir: read.DATA_DIR,
    secretKey: secretKey(read),
    previousSecretKeys: read.PREVIOUS_SECRET_KEYS ?? [],
    demo: read.DEMO ?? read.DATABASE_URL === undefined,
    firstAdmin: read.ADMIN_EMAIL && read.ADMIN_PASSWORD ? { email: read.ADMIN_EMAIL, password: read.ADMIN_PASSWORD } : undefined,
    allowRegistrationWithoutInvite: read.ALLOW_REGISTRATION_WITHOUT_INVITE,
    disableInviteLinks: read.DISABLE_INVITE_LINKS,
    mail: read.SMTP_URL && read.MAIL_FROM ? { smtpUrl: read.SMTP_URL, from: read.MAIL_FROM } : undefined,
    trustProxy: read.TRUST_PROXY,
    logLevel: read.LOG_LEVEL,
    outbound: { allow: listed(read.OUTBOUND_ALLOW ?? ''), ports: listed(read.OUTBOUND_PORTS).map(Number) },
    importMegabytesMax: read.IMPORT_MEGABYTES_MAX,
    usageDays: read.USAGE_DAYS,
    webhookTestsPerMinute: read.WEBHOOK_TESTS_PER_MINUTE,
    webhookDeliveryDays: read.WEBHOOK_DELIVERY_DAYS,
    loginAttemptsPerMinute: read.LOGIN_ATTEMPTS_PER_MINUTE,
    sessionIdleHours: read.SESSION_IDLE_HOURS,
    sessionDays: read.SESSION_DAYS,
    version: packageVersion(),
  })
}

// `VARIABLE=` in a compose file or shell means “not set”.
const withoutBlanks = (environment: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))

function secretKey(read: Settings): string {
  if (read.SECRET_KEY) return read.SECRET_KEY
  if (read.DATABASE_URL)
    throw new ConfigError('SECRET_KEY is required with DATABASE_URL: at least 32 random characters, the same for every process.')
  const file = join(read.DATA_DIR, 'secret.key')
  makeDirectory(read.DATA_DIR)
  if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600 })
  return readFileSync(file, 'utf8').trim()
}

function packageVersion(): string {
  const manifest = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')))
  return manifest.version
}
