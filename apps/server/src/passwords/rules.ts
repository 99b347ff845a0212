import type { Mail } from '../runtime/mail.ts'

const minutes = 15
export const resetLifetimeMs = minutes * 60_000

interface Reset {
  readonly to: string
  readonly uid: string
  readonly token: string
  readonly until: Date
}

export const resetMail = ({ to, uid, token, until }: Reset): Mail => ({
  to,
  subject: 'Choose a new password',
  paragraphs: [
    'Somebody, hopefully you, asked for a new password for your account.',
    `The link works once, for ${minutes} minutes. If it was not you, there is nothing to do: your password stays as it is.`,
  ],
  link: { label: 'Choose a new password', path: `/password-reset/confirm/${uid}/${token}` },
  until,
})

export const changedMail = (to: string): Mail => ({
  to,
  subject: 'Your password was changed',
  paragraphs: ['The password of your account was changed.', 'If this was not you, ask for a new one at once, and tell your administrator.'],
})
