import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
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
