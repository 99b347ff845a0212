import { api, notFound } from '@halyard/contract'
import { compile } from '@halyard/engine'
import { presentDocument } from '@halyard/sdk-api'
import { implement, type Route } from '../http/implement.ts'
import { buildDocument } from './build-document.ts'

export const environmentDocumentRoutes = (): Route[] =>
  implement(api.environmentDocument, {
    async get({ db, environment, query }) {
      const document = await buildDocument(db, environment.id, query.at === undefined ? undefined : new Date(query.at))
      if (!document) throw notFound(`${environment.name} did not exist at that instant.`)
      return presentDocument(compile(document))
    },
  })
