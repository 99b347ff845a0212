import { api, notFound } from '@halyard/contract'
import type { EnvironmentRow } from '../access/rows.ts'
import type { EnvironmentCache } from '../evaluation/environment-cache.ts'
import { implement, type Route } from '../http/implement.ts'
import { findSegmentById } from '../segments/queries.ts'
import { whyNotSavable } from '../segments/rules.ts'
import type { Members } from './find-members.ts'
import { segmentAlone } from './rules.ts'

export const segmentMemberRoutes = ({ cache, members }: { cache: EnvironmentCache; members: Members }): Route[] => {
  async function openIn(environment: EnvironmentRow, segment: Parameters<typeof segmentAlone>[1]) {
    const snapshot = await cache.find(environment.id)
    if (!snapshot) throw notFound()
    return { environmentId: environment.id, segment: segmentAlone(snapshot.compiled.document, segment) }
  }
  return implement(api.segmentMembers, {
    async list({ db, project, environment, params, query }) {
      const segment = project.id === params.project ? await findSegmentById(db, project, params.segment) : undefined
      if (!segment) throw notFound()
      const of = await openIn(environment, segment)
      const { results, next } = await members.page(of, { after: query.cursor, limit: query.limit })
      const { some: _some, ...estimate } = await members.sample(of)
      const exact = query.exact && !estimate.is_exact ? await members.countAll(of) : undefined
      return { ...(exact ?? estimate), results: [...results], next_cursor: next }
    },
    async preview({ environment, body }) {
      const problem = whyNotSavable(body.rules)
      if (problem) throw problem
      const of = await openIn(environment, { id: 0, name: '', rules: body.rules })
      const { some, ...estimate } = await members.sample(of)
      const exact = body.exact && !estimate.is_exact ? await members.countAll(of) : undefined
      return { ...(exact ?? estimate), rules: body.rules, results: [...some] }
    },
  })
}
