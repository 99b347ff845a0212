import { api, invalid, notFound, unknownId, type Query } from '@halyard/contract'
import type { OrganisationRow, Queryable } from '../access/rows.ts'
import { findFeature } from '../feature-states/queries.ts'
import { implement, type Route } from '../http/implement.ts'
import { pageOf, slice } from '../http/pages.ts'
import type { Runtime } from '../runtime/runtime.ts'
import {
  countRequests,
  findFirstEvaluation,
  isOfOrganisation,
  pageEvaluatedFeatures,
  sumEvaluations,
  sumRequests,
  type UsageFilter,
  type UsageRow,
} from './queries.ts'
import { readRange, type Interval } from './rules.ts'

export const usageRoutes = ({ now }: Runtime): Route[] =>
  implement(api.usage, {
    async ofOrganisation({ db, organisation, query }) {
      const filter = await readFilter(db, organisation, query, now())
      return (await sumRequests(db, organisation, filter)).map((row) => presentUsage(row, filter.interval))
    },
    async totalOfOrganisation({ db, organisation, query }) {
      return { count: await countRequests(db, organisation, await readFilter(db, organisation, query, now())) }
    },
    async ofFeature({ db, project, environment, params, query }) {
      const feature = params.project === project.id ? await findFeature(db, project, params.feature) : undefined
      if (!feature) throw notFound()
      const range = readRange(query, now())
      const rows = await sumEvaluations(db, environment, feature, range)
      return rows.map(({ start, count }) => ({ ...presentStart(start, range.interval), count }))
    },
    async ofEnvironment({ db, project, environment, query, url }) {
      const range = { ...readRange(query, now()), ...slice(query) }
      const { rows, count } = await pageEvaluatedFeatures(db, { project, environment }, range)
      const results = rows.map(({ id, name, ...row }) => ({
        feature: { id, name },
        count: row.count,
        first_evaluated_at: row.first_evaluated_at?.toISOString() ?? null,
        last_evaluated_at: row.last_evaluated_at?.toISOString() ?? null,
      }))
      return pageOf(url, query, { count, results })
    },
    async onboardingStatus({ db, environment }) {
      const first = await findFirstEvaluation(db, environment)
      return { first_evaluated_at: first?.at.toISOString() ?? null, first_evaluated_sdk_label: first?.sdk_label ?? null }
    },
  })

async function readFilter(
  db: Queryable,
  organisation: OrganisationRow,
  query: Query<typeof api.usage.ofOrganisation>,
  now: Date,
): Promise<UsageFilter> {
  const { project_id: project, environment_id: environment } = query
  if (project !== undefined && !(await isOfOrganisation(db, organisation, { project }))) throw invalid({ project_id: [unknownId(project)] })
  if (environment !== undefined && !(await isOfOrganisation(db, organisation, { environment })))
    throw invalid({ environment_id: [unknownId(environment)] })
  return {
    ...readRange(query, now),
    project,
    environment,
    applicationName: query.client_application_name,
    applicationVersion: query.client_application_version,
    userAgent: query.user_agent,
  }
}

const presentStart = (start: Date, interval: Interval) => ({
  day: start.toISOString().slice(0, 10),
  hour: interval === 'hour' ? start.toISOString() : null,
})

function presentUsage(row: UsageRow, interval: Interval) {
  const { start, user_agent, application_name, application_version, ...counts } = row
  const labels = {
    client_application_name: application_name || null,
    client_application_version: application_version || null,
    user_agent: user_agent || null,
  }
  const isLabelled = user_agent !== '' || application_name !== '' || application_version !== ''
  return { ...presentStart(start, interval), ...counts, labels: isLabelled ? labels : null }
}
