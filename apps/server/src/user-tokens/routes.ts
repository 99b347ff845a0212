import { api, type Reply } from '@halyard/contract'
import type { UserActor } from '../access/actor.ts'
import { requirePassword } from '../access/password.ts'
import { implement, type Route } from '../http/implement.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createPersonalToken, deletePersonalToken, endOtherSessions, endSession } from './commands.ts'
import { listPersonalTokens, listSessions, type PersonalTokenRow, type SessionRow } from './queries.ts'

export const sessionRoutes = ({ config, now }: Runtime): Route[] =>
  implement(api.sessions, {
    async list({ db, actor }) {
      const at = now()
      const usedAfter = new Date(at.getTime() - config.sessionIdleHours * 3_600_000)
      return (await listSessions(db, actor, { at, usedAfter })).map((row) => presentSession(row, actor))
    },
    end: ({ edit, actor, params }) => endSession(edit, actor, params.session),
    endOthers: ({ edit, actor }) => endOtherSessions(edit, actor),
  })

export const personalTokenRoutes = ({ now }: Runtime): Route[] =>
  implement(api.personalTokens, {
    list: async ({ db, actor }) => (await listPersonalTokens(db, actor, now())).map(presentPersonalToken),
    async create({ db, actor, body, inEdit }) {
      await requirePassword(db, actor, body.current_password)
      const { row, key } = await inEdit((edit) => createPersonalToken(edit, actor, body))
      return { ...presentPersonalToken(row), key }
    },
    delete: ({ edit, actor, params }) => deletePersonalToken(edit, actor, params.personal_token),
  })

const presentSession = (row: SessionRow, actor: UserActor): Reply<typeof api.sessions.list>[number] => ({
  id: row.id,
  created_at: row.created_at.toISOString(),
  last_used_at: (row.used_at ?? row.created_at).toISOString(),
  expires_at: row.expires_at.toISOString(),
  user_agent: row.user_agent,
  address: row.address,
  is_current: row.id === actor.token?.id,
})

const presentPersonalToken = (row: PersonalTokenRow): Reply<typeof api.personalTokens.list>[number] => ({
  id: row.id,
  name: row.name ?? '',
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at.toISOString(),
  last_used_at: row.used_at?.toISOString() ?? null,
})
