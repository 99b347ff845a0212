import type { FastifyRequest } from 'fastify'
import type { RequestLabels } from './ports.ts'
import { headerOf } from './request-text.ts'

// What callers send becomes the key of a counter, so it is bounded.
const labelLengthMax = 100

/** What usage is counted by. Browsers own `User-Agent`, so SDKs that run there say who they are in a header of their own. */
export const labelsOf = (request: FastifyRequest): RequestLabels => ({
  userAgent: sdkOf(headerOf(request, 'flagsmith-sdk-user-agent') ?? headerOf(request, 'user-agent')),
  applicationName: headerOf(request, 'flagsmith-application-name')?.slice(0, labelLengthMax),
  applicationVersion: headerOf(request, 'flagsmith-application-version')?.slice(0, labelLengthMax),
})

/** `flagsmith-<language>-sdk/<version>`; an odd version becomes `unknown`, and who is no SDK is not told apart. */
function sdkOf(userAgent: string | undefined): string | undefined {
  const [, sdk, version = ''] = /^(flagsmith-[a-z]{1,20}-sdk)(?:\/(\S*))?/.exec(userAgent ?? '') ?? []
  if (sdk === undefined) return undefined
  return `${sdk}/${/^v?\d{1,4}(\.\d{1,4}){0,3}([-.+][\w.]{1,20})?$/.test(version) ? version : 'unknown'}`
}
