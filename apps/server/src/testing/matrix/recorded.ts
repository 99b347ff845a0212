import type { TestServer } from '../start-server.ts'

/** What was recorded after a change, except by jobs: that comes when it comes. */
export const changesAfter = ({ control }: TestServer, id: number) =>
  control.db.selectFrom('changes').selectAll().where('id', '>', id).where('actor_kind', '<>', 'system').orderBy('id').execute()

export async function lastChangeId({ control }: TestServer): Promise<number> {
  const last = await control.db.selectFrom('changes').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  return last?.id ?? 0
}

/** What some requests were answered, and what was recorded meanwhile. */
export async function recording<T>(server: TestServer, requests: () => Promise<T>) {
  const before = await lastChangeId(server)
  const answered = await requests()
  return { answered, recorded: await changesAfter(server, before) }
}
