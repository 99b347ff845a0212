import { api, notFound } from '@halyard/contract'
import { findFeature } from '../feature-states/queries.ts'
import { findValueSchema } from '../feature-states/value-schema.ts'
import { implement, type Route } from '../http/implement.ts'
import { deleteValueSchema, replaceValueSchema } from './commands.ts'

export const valueSchemaRoutes = (): Route[] =>
  implement(api.valueSchemas, {
    async get({ db, project, params }) {
      const feature = await findFeature(db, project, params.feature)
      const schema = feature && (await findValueSchema(db, feature.id))
      if (schema === undefined) throw notFound('The feature has no schema for its values.')
      return { schema }
    },
    async replace({ edit, project, params, body: { schema, accept_existing_values: accepted } }) {
      await replaceValueSchema(edit, project, params.feature, { schema, acceptExisting: accepted ?? false })
      return { schema }
    },
    delete: ({ edit, project, params }) => deleteValueSchema(edit, project, params.feature),
  })
