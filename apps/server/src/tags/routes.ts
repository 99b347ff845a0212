import { api, notFound, type Reply } from '@halyard/contract'
import type { ProjectRow, Queryable } from '../access/rows.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import { createTag, deleteTag, updateTag } from './commands.ts'
import { findTag, pageTags, type TagRow } from './queries.ts'

export const tagRoutes = (): Route[] =>
  implement(api.tags, {
    async list({ db, project, query, url }) {
      const { rows, count } = await pageTags(db, project, slice(query))
      return pageOf(url, query, { count, results: rows.map(present) })
    },
    create: async ({ edit, project, body }) => present(await createTag(edit, project, body)),
    get: ({ db, project, params }) => presentFound(db, project, { id: params.tag }),
    getByUuid: ({ db, project, params }) => presentFound(db, project, { uuid: params.uuid }),
    update: async ({ edit, project, params, body }) => present(await updateTag(edit, project, { ...body, id: params.tag })),
    replace: async ({ edit, project, params, body }) => present(await updateTag(edit, project, { ...body, id: params.tag })),
    delete: ({ edit, project, params }) => deleteTag(edit, project, params.tag),
  })

async function presentFound(db: Queryable, project: ProjectRow, by: { id: number } | { uuid: string }) {
  const tag = await findTag(db, project, by)
  if (!tag) throw notFound()
  return present(tag)
}

function present({ project_id, created_at: _created, ...tag }: TagRow): Reply<typeof api.tags.get> {
  return { ...tag, project: project_id }
}
