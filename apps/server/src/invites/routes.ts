import { api, forbidden, notFound, type FieldErrors, type Reply } from '@halyard/contract'
import { actorId, type Actor } from '../access/actor.ts'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import { takeAttempt } from '../access/throttle.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { presentOrganisation } from '../organisations/routes.ts'
import type { Config } from '../runtime/config.ts'
import { addressOf } from '../runtime/mail.ts'
import type { Runtime } from '../runtime/runtime.ts'
import {
  createInviteLink,
  createInvites,
  deleteInvite,
  deleteInviteLink,
  joinByInvite,
  joinByLink,
  resendInvite,
  type WantedInvite,
} from './commands.ts'
import { findInvite, findInviteDetails, listInviteLinks, pageInvites, type InviteLinkRow, type InviteRow } from './queries.ts'
import { findToken, inviteLinkPath, invitePath } from './rules.ts'

export const inviteRoutes = ({ config }: Runtime): Route[] =>
  implement(api.invites, {
    async createMany({ db, actor, organisation, body: { invites, emails }, inEdit }) {
      const wanted = [...invites, ...emails.map((email): WantedInvite => ({ email, role: 'USER', permission_groups: [] }))]
      await takeAttempts(db, actor, organisation, wanted)
      const word = (faults: readonly FieldErrors[]): FieldErrors => ({
        ...(invites.length > 0 && { invites: faults.slice(0, invites.length) }),
        ...(emails.length > 0 && { emails: faults.slice(invites.length) }),
      })
      return presentAll(db, await inEdit((edit) => createInvites(edit, organisation, wanted, { keys: config, word })), config)
    },
    async list({ db, organisation, query, url }) {
      const { rows, count } = await pageInvites(db, organisation, slice(query))
      return pageOf(url, query, { count, results: await presentAll(db, rows, config) })
    },
    async create({ db, actor, organisation, body, inEdit }) {
      await takeAttempts(db, actor, organisation, [body])
      const word = ([fault = {}]: readonly FieldErrors[]) => fault
      const [made] = await inEdit((edit) => createInvites(edit, organisation, [body], { keys: config, word }))
      return presentOne(db, made, config)
    },
    get: async ({ db, organisation, params }) => presentOne(db, await findInvite(db, organisation, params.invite), config),
    delete: ({ edit, organisation, params }) => deleteInvite(edit, organisation, params.invite),
    async resend({ db, actor, organisation, params, inEdit }) {
      const invite = await findInvite(db, organisation, params.invite)
      if (!invite) throw notFound()
      await takeAttempts(db, actor, organisation, [invite])
      return presentOne(db, await inEdit((edit) => resendInvite(edit, organisation, invite.id, config)), config)
    },
    join: async ({ edit, actor, params }) => presentOrganisation(edit.tx, actor, await joinByInvite(edit, actor, params.hash)),
  })

const linksOff = 'Invite links are turned off on this installation (DISABLE_INVITE_LINKS): invite people by e-mail instead.'

export function inviteLinkRoutes({ config }: Runtime): Route[] {
  const requireLinks = () => {
    if (config.disableInviteLinks) throw forbidden(linksOff)
  }
  return implement(api.inviteLinks, {
    async list({ db, organisation }) {
      requireLinks()
      return (await listInviteLinks(db, organisation)).map((link) => presentLink(link, config))
    },
    async create({ edit, organisation, body }) {
      requireLinks()
      return presentLink(await createInviteLink(edit, organisation, body, config), config)
    },
    delete: ({ edit, organisation, params }) => deleteInviteLink(edit, organisation, params.invite_link),
    async join({ edit, actor, params }) {
      requireLinks()
      return presentOrganisation(edit.tx, actor, await joinByLink(edit, actor, params.hash))
    },
  })
}

// Before anything is looked at: each sends a mail to an address that the caller chose.
async function takeAttempts(
  db: Queryable,
  actor: Actor,
  organisation: OrganisationRow,
  invited: readonly { readonly email: string }[],
): Promise<void> {
  for (const { email } of invited) {
    await takeAttempt(db, 'inviting', `${actor.kind} ${actorId(actor)}`)
    await takeAttempt(db, 'inviting into', organisation.id)
    await takeAttempt(db, 'being invited', email)
  }
}

async function presentAll(db: Queryable, rows: readonly InviteRow[], config: Config): Promise<Reply<typeof api.invites.get>[]> {
  const { groups, inviters } = await findInviteDetails(db, rows)
  return rows.map((row) => {
    const token = findToken(config, row)
    return {
      id: row.id,
      email: row.email,
      role: row.role === 'ADMIN' ? 'ADMIN' : 'USER',
      permission_groups: groups.flatMap((group) => (group.invite_id === row.id ? [group.group_id] : [])),
      date_created: row.created_at.toISOString(),
      expires_at: row.expires_at.toISOString(),
      invited_by: inviters.find(({ id }) => id === row.invited_by) ?? null,
      link: token === undefined ? null : `${addressOf(config)}${invitePath(token)}`,
    }
  })
}

async function presentOne(db: Queryable, row: InviteRow | undefined, config: Config): Promise<Reply<typeof api.invites.get>> {
  const [presented] = row ? await presentAll(db, [row], config) : []
  if (!presented) throw notFound()
  return presented
}

function presentLink(row: InviteLinkRow, config: Config): Reply<typeof api.inviteLinks.create> {
  const hash = findToken(config, row) ?? null
  return {
    id: row.id,
    hash,
    link: hash === null ? null : `${addressOf(config)}${inviteLinkPath(hash)}`,
    role: row.role === 'ADMIN' ? 'ADMIN' : 'USER',
    date_created: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
  }
}
