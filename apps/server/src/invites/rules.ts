import type { Mail } from '../runtime/mail.ts'
import { hashKey, isSameHash, signText, type SecretKeys } from '../runtime/secrets.ts'

const days = 7
export const inviteLifetimeMs = days * 24 * 60 * 60 * 1000

interface Kept {
  readonly uuid: string
  readonly token_hash: Uint8Array
}

/** Derived, so that it can be shown again although only its hash is stored. */
export const tokenOf = (keys: Pick<SecretKeys, 'secretKey'>, uuid: string): string => signText(keys, `invitation ${uuid}`)

/** Undefined when it was derived with a secret key that is not known any more. */
export const findToken = ({ secretKey, previousSecretKeys }: SecretKeys, { uuid, token_hash: hash }: Kept): string | undefined =>
  [secretKey, ...previousSecretKeys].map((key) => tokenOf({ secretKey: key }, uuid)).find((token) => isSameHash(hash, hashKey(token)))

export const invitePath = (token: string): string => `/invite/${token}`
export const inviteLinkPath = (token: string): string => `/invite-link/${token}`

interface Written {
  readonly to: string
  readonly organisation: string
  readonly by: string
  readonly token: string
  readonly until: Date
}

export const inviteMail = ({ to, organisation, by, token, until }: Written): Mail => ({
  to,
  subject: `Join ${organisation} on Halyard`,
  paragraphs: [
    `${by} invites you to the organisation “${organisation}”.`,
    `The link works once, for ${days} days, and for ${to} only. If you do not know what this is about, there is nothing to do.`,
  ],
  link: { label: 'Accept the invitation', path: invitePath(token) },
  until,
})
