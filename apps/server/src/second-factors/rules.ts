import { generateURI, verifySync } from 'otplib'

const issuer = 'Halyard'
const stepSeconds = 30

/** What authenticator apps read from a QR code. */
export const qrLink = (email: string, secret: string): string => generateURI({ issuer, label: email, secret })

export interface CodeCheck {
  readonly secret: string
  readonly code: string
  readonly at: Date
  /** The step of the last code that was accepted. */
  readonly lastStep: number | null
}

/** The time step of a right code; one step early or late, because clocks differ, and never one that was used. */
export function findStep({ secret, code, at, lastStep }: CodeCheck): number | undefined {
  const token = code.replace(/\s/g, '')
  if (!/^\d{6}$/.test(token)) return undefined
  const current = Math.floor(at.getTime() / 1000 / stepSeconds)
  // Clocks that went back far leave a last step that cannot be compared with.
  if (lastStep !== null && lastStep >= current + 1) return undefined
  const verified = verifySync({
    secret,
    token,
    epoch: Math.floor(at.getTime() / 1000),
    epochTolerance: stepSeconds,
    ...(lastStep !== null && { afterTimeStep: lastStep }),
  })
  return verified.valid && 'timeStep' in verified ? verified.timeStep : undefined
}

/** A recovery code as it is hashed: people type them with or without the dashes, large or small. */
export const normalise = (code: string): string => code.toLowerCase().replace(/[^a-z0-9]/g, '')
