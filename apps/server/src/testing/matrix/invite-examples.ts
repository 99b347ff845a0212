import { api } from '@halyard/contract'
import { randomUUID } from 'node:crypto'
import type { ExamplesOf } from './example.ts'
import type { Fixture } from './fixture.ts'
import { makeGroup } from './makers.ts'

const organisation = ({ organisation: { id } }: Fixture) => ({ organisation: id })
const address = ({ mark }: Fixture) => `invited-${mark}-${randomUUID()}@example.com`

const makeInvite = (at: Fixture, email = address(at)) =>
  at.server.as(at.authorization, api.invites).create({ params: organisation(at), body: { email } })

const makeInviteLink = (at: Fixture) => at.server.as(at.authorization, api.inviteLinks).create({ params: organisation(at), body: {} })

/** The end of a link. */
const hashIn = (link: string | null): string => link?.split('/').at(-1) ?? ''

const invite = async (at: Fixture) => ({ ...organisation(at), invite: (await makeInvite(at)).id })

export const invites: ExamplesOf<typeof api.invites> = {
  createMany: async (at) => ({
    params: organisation(at),
    body: { invites: [{ email: address(at), role: 'ADMIN', permission_groups: [(await makeGroup(at)).id] }], emails: [address(at)] },
  }),
  list: async (at) => ({ params: organisation(at), query: { page: 1, page_size: 5 } }),
  create: async (at) => ({
    params: organisation(at),
    body: { email: address(at), role: 'USER', permission_groups: [(await makeGroup(at)).id] },
  }),
  get: async (at) => ({ params: await invite(at) }),
  delete: async (at) => ({ params: await invite(at) }),
  resend: async (at) => ({ params: await invite(at) }),
  async join(at) {
    const authorization = await at.server.signUp('Grace')
    const { email } = await at.server.as(authorization, api.users).me({})
    return { params: { hash: hashIn((await makeInvite(at, email)).link) }, authorization }
  },
}

export const inviteLinks: ExamplesOf<typeof api.inviteLinks> = {
  list: async (at) => ({ params: organisation(at) }),
  create: async (at) => ({ params: organisation(at), body: { role: 'ADMIN', expires_at: '2999-01-01T00:00:00Z' } }),
  delete: async (at) => ({ params: { ...organisation(at), invite_link: (await makeInviteLink(at)).id } }),
  join: async (at) => ({ params: { hash: (await makeInviteLink(at)).hash ?? '' }, authorization: await at.server.signUp('Grace') }),
}
