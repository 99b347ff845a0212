import { api } from '@halyard/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { system } from '../access/actor.ts'
import { runEdit } from '../changes/edit.ts'
import { recordChange } from '../changes/record-change.ts'
import { buildDocument } from '../evaluation/build-document.ts'
import { startServer, type TestProject, type TestServer } from './start-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const served = async (project: TestProject) => {
  const answer = await server.send('GET', '/api/v1/environment-document/', { headers: { 'x-environment-key': project.serverKey } })
  expect(answer.status).toBe(200)
  return answer.body
}

/** One edit of each kind that decides flags, in an order that each can happen. */
async function* editsOf(test: TestProject): AsyncGenerator<string> {
  const { authorization, project, environment } = test
  const features = server.as(authorization, api.features)
  const segments = server.as(authorization, api.segments)
  const places = server.as(authorization, api.featureSegments)
  const overrides = server.as(authorization, api.identityOverrides)
  const inProject = { project: project.id }
  const inEnvironment = { environment_key: environment.api_key }

  const plain = await features.create({ params: inProject, body: { name: 'plain', initial_value: 'one', default_enabled: true } })
  yield 'a feature is created'
  const split = await features.create({ params: inProject, body: { name: 'split', initial_value: 'control' } })
  const variants = server.as(authorization, api.variants)
  const ofSplit = { ...inProject, feature: split.id }
  const option = { feature: split.id, type: 'unicode', string_value: 'other', default_percentage_allocation: 40 } as const
  const variant = await variants.create({ params: ofSplit, body: option })
  yield 'a variant is added'
  await variants.update({ params: { ...ofSplit, variant: variant.id }, body: { string_value: 'another' } })
  yield 'a variant changes its value'
  const states = await server.as(authorization, api.featureStates).list({ params: inEnvironment, query: { feature: plain.id } })
  for (const state of states.results) {
    await server.as(authorization, api.featureStates).update({
      params: { ...inEnvironment, feature_state: state.id },
      body: { enabled: false, feature_state_value: 2 },
    })
  }
  yield 'a default changes'
  const rules = [{ type: 'ALL' as const, conditions: [{ property: 'plan', operator: 'EQUAL' as const, value: 'gold' }] }]
  const gold = await segments.create({ params: inProject, body: { name: 'Gold', rules } })
  yield 'a segment is created'
  const place = await places.createOverride({
    params: { ...inEnvironment, feature: plain.id },
    body: { feature_segment: { segment: gold.id }, enabled: true, feature_state_value: { type: 'unicode', string_value: 'for gold' } },
  })
  yield 'a segment override is added'
  await segments.update({ params: { ...inProject, segment: gold.id }, body: { name: 'Golden' } })
  yield 'a segment is renamed'
  const identities = server.as(authorization, api.identities)
  const ada = await identities.create({ params: inEnvironment, body: { identifier: 'ada' } })
  const ofAda = { ...inEnvironment, identity: ada.id }
  await overrides.create({ params: ofAda, body: { feature: plain.id, enabled: true, feature_state_value: 'for ada' } })
  yield 'an identity override is added'
  await server.as(authorization, api.environments).update({ params: inEnvironment, body: { hide_disabled_flags: true, name: 'Live' } })
  yield 'the environment changes its settings'
  await server.as(authorization, api.projects).update({ params: inProject, body: { name: 'Store' } })
  yield 'the project is renamed'
  await server
    .as(authorization, api.organisations)
    .update({ params: { organisation: test.organisation.id }, body: { persist_trait_data: false } })
  yield 'the organisation changes its settings'
  await features.update({ params: ofSplit, body: { is_server_key_only: true } })
  yield 'a feature is for servers only'
  await variants.delete({ params: { ...ofSplit, variant: variant.id } })
  yield 'a variant is removed'
  await places.delete({ params: { feature_segment: place.feature_segment.id } })
  yield 'a segment override is removed'
  await segments.delete({ params: { ...inProject, segment: gold.id }, query: { force: 'true' } })
  yield 'a segment is deleted'
  await features.delete({ params: { ...inProject, feature: plain.id } })
  yield 'a feature is deleted'
}

test('the document of every past instant is the one that was served then', async () => {
  const project = await server.makeProject()
  const { environment } = project
  const documents = server.as(project.authorization, api.environmentDocument)
  const history = [{ edit: 'the environment is created', document: await served(project), at: new Date() }]
  for await (const edit of editsOf(project)) {
    const document = await served(project)
    expect(document, edit).not.toEqual(history.at(-1)?.document)
    history.push({ edit, document, at: new Date() })
  }
  for (const { edit, document, at } of history) {
    const then = await documents.get({ params: { environment_key: environment.api_key }, query: { at: at.toISOString() } })
    expect(then, edit).toEqual(document)
  }
  const now = await documents.get({ params: { environment_key: environment.api_key } })
  expect(now).toEqual(history.at(-1)?.document)
})

test('before an environment was made it has no document', async () => {
  const project = await server.makeProject()
  const longAgo = server.as(project.authorization, api.environmentDocument).get({
    params: { environment_key: project.environment.api_key },
    query: { at: '2020-01-01T00:00:00Z' },
  })
  await expect(longAgo).rejects.toMatchObject({ status: 404 })
})

test('a document built inside an edit has its writes, and after it is rolled back nothing of them is left', async () => {
  const { authorization, project, environment } = await server.makeProject()
  const feature = await server.as(authorization, api.features).create({ params: { project: project.id }, body: { name: 'tried' } })
  const before = await buildDocument(server.control.db, environment.id)
  const seen: unknown[] = []
  const tried = runEdit(server.control, { actor: system('a try'), lock: { on: 'project', id: project.id } }, async (edit) => {
    await edit.tx.updateTable('feature_states').set({ enabled: true }).where('feature_id', '=', feature.id).execute()
    await recordChange(edit, {
      type: 'feature_state.updated',
      project: { id: project.id, organisation_id: 0 },
      environment: { id: environment.id, project_id: project.id },
      subject: feature.id,
    })
    const inside = await buildDocument(edit.tx, environment.id)
    seen.push(
      inside?.feature_states.map((state) => state.enabled),
      inside?.updated_at === edit.at.toISOString().replace('Z', '+00:00'),
    )
    throw new Error('only a try')
  })
  await expect(tried).rejects.toThrow('only a try')
  expect(seen).toEqual([[true], true])
  expect(await buildDocument(server.control.db, environment.id)).toEqual(before)
})
