import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'

/** Argon2id at OWASP's first choice (19 MiB, two passes). */
export const hashPassword = (password: string): Promise<string> => hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 })

export const isPassword = (password: string, passwordHash: string): Promise<boolean> => verify(passwordHash, password)

/** Keys and tokens are random, so a plain hash is enough to keep them from whoever reads the database. */
export const hashKey = (key: string): Buffer => createHash('sha256').update(key).digest()

export const isSameHash = (one: Uint8Array, other: Uint8Array): boolean => one.length === other.length && timingSafeEqual(one, other)

/** 160 random bits as 40 hexadecimal digits: the shape of a user's token on the wire. */
export const newUserToken = (): string => randomBytes(20).toString('hex')

/** 256 random bits, safe in a URL. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** 80 random bits in groups that can be typed: too many to be guessed even from their hash. */
export const newRecoveryCode = (): string =>
  Array.from(randomBytes(16), (byte) => recoveryAlphabet.charAt(byte % recoveryAlphabet.length))
    .join('')
    .replace(/.{4}(?=.)/g, '$&-')

// Of 32 letters, so that each is as likely; without those that look alike.
const recoveryAlphabet = 'abcdefghijkmnpqrstuvwxyz23456789'

const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** 22 characters of 57 (128 bits): the shape of environment keys on the wire. */
export function newEnvironmentKey(): string {
  let rest = BigInt(`0x${randomBytes(16).toString('hex')}`)
  let key = ''
  for (let length = 0; length < 22; length += 1) {
    key += alphabet.charAt(Number(rest % 57n))
    rest /= 57n
  }
  return key
}

/** The installation's keys: the first encrypts, all decrypt. */
export interface SecretKeys {
  readonly secretKey: string
  readonly previousSecretKeys: readonly string[]
}

const cipher = 'aes-256-gcm'
const nonceLength = 12
const tagLength = 16

/**
 * Encrypts what must be read again, such as the secret of a webhook; for anything else a hash suffices. It opens only for the same
 * purpose, so name the place: a copy in another row or column is worthless there. Begins with the id of its key.
 */
export function seal({ secretKey }: SecretKeys, text: string, purpose: string): string {
  const nonce = randomBytes(nonceLength)
  const sealing = createCipheriv(cipher, sealingKey(secretKey), nonce).setAAD(Buffer.from(purpose))
  const sealed = Buffer.concat([nonce, sealing.update(text, 'utf8'), sealing.final(), sealing.getAuthTag()])
  return `${keyId(secretKey)}.${sealed.toString('base64url')}`
}

/** Throws when it was changed, sealed for another purpose, or with a key that is not known any more. */
export function unseal(keys: SecretKeys, sealed: string, purpose: string): string {
  const [id = '', body = ''] = sealed.split('.', 2)
  const key = findKey(keys, id)
  if (key === undefined)
    throw new Error(`What was encrypted for “${purpose}” needs a former SECRET_KEY (id ${id}). Add it to PREVIOUS_SECRET_KEYS.`)
  const bytes = Buffer.from(body, 'base64url')
  const opening = createDecipheriv(cipher, sealingKey(key), bytes.subarray(0, nonceLength), { authTagLength: tagLength })
  opening.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-tagLength))
  return opening.update(bytes.subarray(nonceLength, -tagLength), undefined, 'utf8') + opening.final('utf8')
}

/** Whether it holds this text; what needs a key that is not known any more may as well hold another. */
export const isSealed = (keys: SecretKeys, sealed: string, { text, purpose }: { text: string; purpose: string }): boolean =>
  findKey(keys, sealed.split('.', 1)[0]) !== undefined && unseal(keys, sealed, purpose) === text

const findKey = ({ secretKey, previousSecretKeys }: SecretKeys, id: string | undefined) =>
  [secretKey, ...previousSecretKeys].find((key) => keyId(key) === id)

/** Proves later that this installation wrote a text, to whoever knows its key. */
export const signText = ({ secretKey }: Pick<SecretKeys, 'secretKey'>, text: string): string =>
  createHmac('sha256', derive(secretKey, 'signing key', 32))
    .update(text)
    .digest('base64url')

export const isSignedText = ({ secretKey, previousSecretKeys }: SecretKeys, text: string, signature: string): boolean =>
  [secretKey, ...previousSecretKeys].some((key) => isSameHash(Buffer.from(signText({ secretKey: key }, text)), Buffer.from(signature)))

const derive = (secretKey: string, use: string, length: number) => Buffer.from(hkdfSync('sha256', secretKey, '', `halyard ${use}`, length))
const sealingKey = (secretKey: string) => derive(secretKey, 'sealing key', 32)
const keyId = (secretKey: string) => derive(secretKey, 'key id', 4).toString('hex')
