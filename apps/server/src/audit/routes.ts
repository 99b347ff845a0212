import { api, notFound, type Query } from '@halyard/contract'
import { findAdministeredIds } from '../access/authorise.ts'
import type { Queryable } from '../access/rows.ts'
import { implement, type Route } from '../http/implement.ts'
import { continuedPage, slice } from '../http/pages.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { auditFile } from './export.ts'
import { countMax, exportAudit, findAudit, listAudit, type AuditRecord, type AuditScope } from './queries.ts'
import { presentDetails, presentEntry } from './rules.ts'
import { verifyAudit } from './verify.ts'

export const auditRoutes = ({ config, config: secretKeys }: Runtime): Route[] =>
  implement(api.audit, {
    list: async ({ db, actor, query, url }) => answerPage(db, { organisationIds: await findAdministeredIds(db, actor) }, { query, url }),
    get: async ({ db, actor, params }) =>
      answerOne({ db, secretKeys }, { organisationIds: await findAdministeredIds(db, actor) }, params.change),
    listOfOrganisation: ({ db, organisation, query, url }) => answerPage(db, { organisationIds: [organisation.id] }, { query, url }),
    getOfOrganisation: ({ db, organisation, params }) =>
      answerOne({ db, secretKeys }, { organisationIds: [organisation.id] }, params.change),
    exportOfOrganisation: async ({ db, organisation, query }) =>
      auditFile(
        query.format,
        `audit-organisation-${organisation.id}`,
        exportAudit({ db, secretKeys }, { organisationIds: [organisation.id] }, query),
      ),
    verify: ({ db, organisation }) => verifyAudit(db, config, organisation.id),
    listOfProject: ({ db, project, query, url }) => answerPage(db, { projectId: project.id }, { query, url }),
    getOfProject: ({ db, project, params }) => answerOne({ db, secretKeys }, { projectId: project.id }, params.change),
    exportOfProject: async ({ db, project, query }) =>
      auditFile(query.format, `audit-project-${project.id}`, exportAudit({ db, secretKeys }, { projectId: project.id }, query)),
  })

interface Asked {
  readonly query: Query<typeof api.audit.list>
  readonly url: URL
}

async function answerPage(db: Queryable, scope: AuditScope, { query, url }: Asked) {
  // A page that is asked for by where it begins is read from there, however deep it is.
  const { offset, limit } = slice(query)
  const { rows, count } = await listAudit(db, scope, query, { offset: query.before === undefined ? offset : 0, limit })
  return continuedPage(url, query, { count, countMax, results: rows.map(presentEntry) })
}

async function answerOne(record: AuditRecord, scope: AuditScope, id: number) {
  const row = await findAudit(record, scope, id)
  if (!row) throw notFound()
  return presentDetails(row)
}
