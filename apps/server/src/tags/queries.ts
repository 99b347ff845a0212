import type { Selectable } from 'kysely'
import type { ProjectRow, Queryable } from '../access/rows.ts'
import type { TagsTable } from '../runtime/tables.ts'

export type TagRow = Selectable<TagsTable>

const tagsOf = (db: Queryable, project: ProjectRow) => db.selectFrom('tags').where('project_id', '=', project.id)

/** The tags of a project, oldest first. */
export async function pageTags(db: Queryable, project: ProjectRow, range: { offset: number; limit: number }) {
  const [rows, total] = await Promise.all([
    tagsOf(db, project).selectAll().orderBy('id').offset(range.offset).limit(range.limit).execute(),
    tagsOf(db, project)
      .select((select) => select.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow(),
  ])
  return { rows, count: total.count }
}

export const findTag = (db: Queryable, project: ProjectRow, by: { id: number } | { uuid: string }): Promise<TagRow | undefined> =>
  tagsOf(db, project)
    .selectAll()
    .where((where) => where.and(by))
    .executeTakeFirst()
