import * as z from 'zod'
import type { Call, Lives } from './terraform-call.ts'
import { environment, organisation, project, serverKey, tag, user } from './terraform-shapes.ts'

const zeroInstant = '0001-01-01T00:00:00Z'

export const newTag: Call = {
  ask: 'POST /api/v1/projects/{project}/tags/',
  body: { label: '{unique}', description: null, color: '#008000', project: '{project}' },
  status: 201,
  reply: tag,
  has: { color: '#008000', description: null, project: '{project}' },
  keep: { tag: 'id', tagUuid: 'uuid' },
}

export const tenancyLives: Lives = {
  'the data source organisation': [
    {
      ask: 'GET /api/v1/organisations/get-by-uuid/{organisationUuid}/',
      status: 200,
      reply: organisation,
      has: { id: '{organisation}', role: null },
    },
    { ask: 'GET /api/v1/organisations/?page=1', status: 200, pages: 1, reply: organisation },
  ],
  'the data source user': [{ ask: 'GET /api/v1/organisations/{organisation}/users/', status: 200, reply: z.array(user).length(1) }],
  'the resource project': [
    {
      ask: 'POST /api/v1/projects/',
      body: { name: '{unique}', organisation: '{organisation}', hide_disabled_flags: true },
      status: 201,
      reply: project,
      has: { organisation: '{organisation}', hide_disabled_flags: true, prevent_flag_defaults: false, feature_name_regex: null },
      keep: { made: 'id', madeUuid: 'uuid' },
    },
    { ask: 'GET /api/v1/projects/{made}/', status: 200, reply: project, has: { uuid: '{madeUuid}' } },
    { ask: 'GET /api/v1/projects/get-by-uuid/{madeUuid}/', status: 200, reply: project, has: { id: '{made}' } },
    {
      ask: 'PUT /api/v1/projects/{made}/',
      sendBack: { prevent_flag_defaults: true },
      status: 200,
      reply: project,
      has: { prevent_flag_defaults: true },
    },
    {
      ask: 'PUT /api/v1/projects/{made}/',
      body: { id: '{made}', uuid: '{madeUuid}', name: 'Renamed', organisation: '{organisation}', prevent_flag_defaults: true },
      status: 200,
      reply: project,
      has: { name: 'Renamed', id: '{made}' },
    },
    {
      ask: 'GET /api/v1/projects/?organisation={organisation}',
      status: 200,
      reply: z.array(project.omit({ total_features: true, total_segments: true })),
    },
    { ask: 'DELETE /api/v1/projects/{made}/', status: 204 },
    { ask: 'GET /api/v1/projects/get-by-uuid/{madeUuid}/', status: 404, has: { detail: 'Not found.' } },
  ],
  'the resource environment': [
    {
      ask: 'POST /api/v1/environments/',
      // The key is sent although there is none yet.
      body: { name: '{unique}', api_key: '', description: '', project: '{project}' },
      status: 201,
      reply: environment,
      has: { description: '', project: '{project}' },
      keep: { made: 'id', madeUuid: 'uuid', madeKey: 'api_key' },
    },
    { ask: 'GET /api/v1/environments/{madeKey}/', status: 200, reply: environment, has: { uuid: '{madeUuid}' } },
    { ask: 'GET /api/v1/environments/get-by-uuid/{madeUuid}/', status: 200, reply: environment, has: { api_key: '{madeKey}' } },
    {
      ask: 'PUT /api/v1/environments/{madeKey}/',
      sendBack: { allow_client_traits: false },
      status: 200,
      reply: environment,
      has: { allow_client_traits: false },
    },
    {
      ask: 'PUT /api/v1/environments/{madeKey}/',
      body: { id: '{made}', name: 'Renamed', api_key: '{madeKey}', description: 'By Terraform', project: '{project}' },
      status: 200,
      reply: environment,
      has: { name: 'Renamed', description: 'By Terraform', api_key: '{madeKey}', uuid: '{madeUuid}' },
    },
    { ask: 'GET /api/v1/environments/?project={project}', status: 200, pages: 2, reply: environment },
    { ask: 'DELETE /api/v1/environments/{madeKey}/', status: 204 },
    { ask: 'GET /api/v1/environments/get-by-uuid/{madeUuid}/', status: 404, has: { detail: 'Not found.' } },
  ],
  'the resource server-side environment key': [
    {
      ask: 'POST /api/v1/environments/{environmentKey}/api-keys/',
      body: { active: true, name: 'Terraform', expires_at: zeroInstant },
      status: 201,
      reply: serverKey,
      has: { active: true, name: 'Terraform', expires_at: null },
      keep: { made: 'id', secret: 'key' },
    },
    { ask: 'GET /api/v1/environments/{environmentKey}/api-keys/', status: 200, reply: z.array(serverKey).min(2) },
    {
      ask: 'PUT /api/v1/environments/{environmentKey}/api-keys/{made}/',
      body: { id: '{made}', active: true, name: 'Renamed', key: '{secret}', expires_at: '2100-01-01T00:00:00Z' },
      status: 200,
      reply: serverKey,
      has: { name: 'Renamed', key: '{secret}', expires_at: '2100-01-01T00:00:00.000Z' },
    },
    {
      ask: 'PUT /api/v1/environments/{environmentKey}/api-keys/{made}/',
      sendBack: { expires_at: zeroInstant, key: 'ser.another' },
      status: 200,
      reply: serverKey,
      has: { key: '{secret}', expires_at: null },
    },
    { ask: 'DELETE /api/v1/environments/{environmentKey}/api-keys/{made}/', status: 204 },
    { ask: 'DELETE /api/v1/environments/{environmentKey}/api-keys/{made}/', status: 404, has: { detail: 'Not found.' } },
  ],
  'the resource tag': [
    newTag,
    { ask: 'GET /api/v1/projects/{project}/tags/get-by-uuid/{tagUuid}/', status: 200, reply: tag, has: { id: '{tag}' } },
    { ask: 'GET /api/v1/projects/{project}/tags/{tag}/', status: 200, reply: tag, has: { uuid: '{tagUuid}' } },
    {
      ask: 'PUT /api/v1/projects/{project}/tags/{tag}/',
      sendBack: { color: '#ff0000', is_system_tag: true },
      status: 200,
      reply: tag,
      has: { color: '#ff0000', is_system_tag: false },
    },
    {
      ask: 'PUT /api/v1/projects/{project}/tags/{tag}/',
      body: { id: '{tag}', uuid: '{tagUuid}', label: 'renamed', description: null, color: '#000000', project: '{project}' },
      status: 200,
      reply: tag,
      has: { label: 'renamed', color: '#000000', description: null },
    },
    { ask: 'GET /api/v1/projects/{project}/tags/?page_size=1', status: 200, pages: 2, reply: tag },
    { ask: 'DELETE /api/v1/projects/{project}/tags/{tag}/', status: 204 },
    { ask: 'GET /api/v1/projects/{project}/tags/get-by-uuid/{tagUuid}/', status: 404, has: { detail: 'Not found.' } },
  ],
}
