import { api, type Reply } from '@halyard/contract'
import { implement, type Route } from '../http/implement.ts'
import { createEnvironmentApiKey, deleteEnvironmentApiKey, updateEnvironmentApiKey } from './commands.ts'
import { listEnvironmentApiKeys, type EnvironmentApiKeyRow } from './queries.ts'

export const environmentApiKeyRoutes = (): Route[] =>
  implement(api.environmentApiKeys, {
    list: async ({ db, environment }) => (await listEnvironmentApiKeys(db, environment)).map(present),
    create: async ({ edit, environment, body }) => present(await createEnvironmentApiKey(edit, environment, body)),
    update: async ({ edit, environment, params, body }) =>
      present(await updateEnvironmentApiKey(edit, environment, { ...body, id: params.environment_api_key })),
    replace: async ({ edit, environment, params, body }) =>
      present(await updateEnvironmentApiKey(edit, environment, { ...body, id: params.environment_api_key })),
    delete: ({ edit, environment, params }) => deleteEnvironmentApiKey(edit, environment, params.environment_api_key),
  })

function present({ id, key, active, created_at, name, expires_at }: EnvironmentApiKeyRow): Reply<typeof api.environmentApiKeys.create> {
  return { id, key, active, created_at: created_at.toISOString(), name, expires_at: expires_at?.toISOString() ?? null }
}
