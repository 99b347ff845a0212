import type { api } from '@halyard/contract'
import type { ExamplesOf } from './example.ts'
import type { Fixture } from './fixture.ts'
import { makeTag } from './makers.ts'

const organisation = ({ organisation: { id } }: Fixture) => ({ organisation: id })
const project = ({ project: { id } }: Fixture) => ({ project: id })

/** The id of something that was done in the project. */
async function doneIn(at: Fixture): Promise<number> {
  const tag = await makeTag(at)
  const done = await at.server.control.db
    .selectFrom('changes')
    .select('id')
    .where('type', '=', 'tag.created')
    .where('subject_id', '=', String(tag.id))
    .executeTakeFirstOrThrow()
  return done.id
}

const everyFilter = (at: Fixture) => ({
  project: at.project.id,
  environments: `${at.environment.id},1`,
  is_system_event: 'false' as const,
  author: at.userId,
  api_key: 1,
  type: 'environment.created',
  object: at.environment.id,
  from: '2020-01-01T00:00:00Z',
  to: '2999-01-01T00:00:00Z',
  search: 'environment',
})

export const audit: ExamplesOf<typeof api.audit> = {
  list: async (at) => ({ query: { project: at.project.id, page_size: 5 } }),
  get: async (at) => ({ params: { change: await doneIn(at) } }),
  listOfOrganisation: async (at) => ({ params: organisation(at), query: { environments: String(at.environment.id) } }),
  getOfOrganisation: async (at) => ({ params: { ...organisation(at), change: await doneIn(at) } }),
  exportOfOrganisation: async (at) => ({ params: organisation(at), query: everyFilter(at) }),
  listOfProject: async (at) => ({ params: project(at), query: everyFilter(at) }),
  getOfProject: async (at) => ({ params: { ...project(at), change: await doneIn(at) } }),
  exportOfProject: async (at) => ({ params: project(at), query: { format: 'ndjson', type: 'tag' } }),
}
