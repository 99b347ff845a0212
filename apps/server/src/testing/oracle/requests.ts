import { sql } from 'kysely'
import type { Answer, TestServer } from '../start-server.ts'
import type { Listed, Request } from '../matrix/endpoints.ts'
import type { Fixture } from '../matrix/fixture.ts'

/**
 * From now on whatever anybody would change is refused by the database as it is recorded, which comes after everything that decides
 * whether they may: what was admitted is told from what was not, and the same request can be sent by everybody.
 */
export async function onlyRehearse({ control }: TestServer): Promise<void> {
  await sql`
    create function rehearse() returns trigger language plpgsql as $$
      begin raise exception 'This is a rehearsal.' using errcode = 'check_violation'; end $$`.execute(control.db)
  // What jobs do goes on.
  await sql`
    create trigger rehearse before insert on changes for each row when (new.actor_kind <> 'system')
      execute function rehearse()`.execute(control.db)
  // Their store is written to before it is recorded.
  await sql`
    create trigger rehearse before insert or update or delete on identities for each row
      execute function rehearse()`.execute(control.db)
}

/** What the database’s refusal looks like from outside. */
export const isRehearsed = ({ status, text }: Answer): boolean =>
  status === 400 && text.includes('A value breaks a rule of the data model.')

/** What an answer says, given what an administrator of the organisation was answered to the same request where there is a place. */
export function outcomeOf(answer: Answer, toAdministrator: Answer | undefined): string {
  const { status } = answer
  if (status === 401 || status === 403 || status === 404) return `${status}`
  // Only what is done for those who may is counted.
  if (toAdministrator === undefined || status === 429) return 'allowed'
  const isSame = status === toAdministrator.status && (status < 300 || answer.text === toAdministrator.text)
  return isSame ? 'allowed' : `${status}: ${answer.text}`
}

/** The example about the place itself: not about a project or environment of its own, and not about an environment of the project. */
export function atPlace({ project, environment }: Fixture, { endpoint }: Listed, request: Request): Request {
  const { level } = endpoint.scope
  const [only, ...others] = Object.keys(request.params ?? {})
  const { environment: _environment, ...query } = request.query ?? {}
  const about = level === 'project' ? { ...request, query } : request
  if (others.length > 0) return about
  if (only === 'project') return { ...about, params: { project: project.id } }
  return only === 'environment_key' ? { ...about, params: { environment_key: environment.api_key } } : about
}

/** What whoever does not see a place must not read. */
export const tracesOfProject = ({ mark, project }: Fixture) => [project.uuid, `Sibling ${mark}`]
export const tracesOfEnvironment = ({ mark, environment }: Fixture) => [environment.uuid, environment.api_key, `environment-${mark}`]

/** No more than a test's server has connections: whoever waits for one is told that the database is busy. */
export async function fourAtOnce<From, To>(all: readonly From[], each: (one: From) => Promise<To>): Promise<To[]> {
  const done = new Map<number, To>()
  const waiting = all.entries()
  const work = async () => {
    for (const [index, one] of waiting) done.set(index, await each(one))
  }
  await Promise.all(Array.from({ length: 4 }, work))
  return [...done].toSorted(([one], [other]) => one - other).map(([, to]) => to)
}
