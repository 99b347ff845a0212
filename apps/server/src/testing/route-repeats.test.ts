import { api, type Endpoint } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { everyEndpoint, isRead, send } from './matrix/endpoints.ts'
import { makeTenant, type Fixture } from './matrix/fixture.ts'
import { recording } from './matrix/recorded.ts'
import { startServer, type TestServer } from './start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

// The key in the path is one that the body replaces; who is no member cannot be removed.
const onlyOnce: readonly Endpoint[] = [api.environments.replace, api.groups.removeUsers, api.wholeFlags.deleteOverride]
// Others make or remove something, and do so again or find that it was done.
const repeatable = everyEndpoint.filter(({ endpoint }) => {
  const updates = endpoint.records?.every((type) => type.endsWith('.updated') || type.endsWith('.reordered'))
  return (endpoint.method !== 'POST' || updates) && !isRead(endpoint) && (endpoint.status ?? 200) === 200 && !onlyOnce.includes(endpoint)
})

test.each(repeatable)('$name that asks for what is so already answers the same and changes nothing', async (listed) => {
  const at = await makeTenant(server)
  const request = await listed.example(at)
  const first = await send(at, listed, request, at.authorization)
  const revisions = await listRevisions(at)
  const { answered: again, recorded } = await recording(server, () => send(at, listed, request, at.authorization))
  expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body })
  expect(recorded).toEqual([])
  expect(await listRevisions(at)).toEqual(revisions)
})

const listRevisions = (at: Fixture) =>
  server.control.db
    .selectFrom('environment_revisions')
    .innerJoin('environments', 'environments.id', 'environment_revisions.environment_id')
    .select(['environment_id', 'revision', 'updated_at', 'streamed_at'])
    .where('environments.project_id', '=', at.project.id)
    .orderBy('environment_id')
    .execute()
