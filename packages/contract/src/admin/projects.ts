import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { id, name, text, uuid, wholeNumber, yesOrNo } from '../fields.ts'

/** What may be set; other fields that clients send back are ignored. */
const settings = {
  name: name(),
  hide_disabled_flags: yesOrNo.describe('True: SDKs are not told of features that are off.'),
  prevent_flag_defaults: yesOrNo.describe('True: new features start off and without a value in every environment.'),
  enforce_feature_owners: yesOrNo.describe('True: a feature needs an owner to be created.'),
  only_allow_lower_case_feature_names: yesOrNo,
  feature_name_regex: text(255).nullable().describe('What the whole name of a new feature must match.'),
  enable_realtime_updates: yesOrNo.describe('True: SDKs that listen are told of changes as they happen.'),
  stale_flags_limit_days: wholeNumber(0),
  minimum_change_request_approvals: wholeNumber(0)
    .nullable()
    .describe('How many people must approve a change of segments; null for no change requests.'),
}

export { settings as projectSettings }

const project = z.object({
  id: z.int(),
  uuid: z.uuid(),
  created_date: z.iso.datetime(),
  organisation: z.int(),
  ...settings,
  enable_dynamo_db: z.literal(false),
  migration_status: z.literal('NOT_APPLICABLE'),
  edge_v2_migration_status: z.literal('NOT_STARTED'),
  use_edge_identities: z.literal(false),
  show_edge_identity_overrides_for_feature: z.literal(false),
})

const projectInFull = project.extend({
  total_features: z.int(),
  total_segments: z.int(),
  max_features_allowed: z.null().describe('Null: there is no limit.'),
  max_segments_allowed: z.null().describe('Null: there is no limit.'),
  max_segment_overrides_allowed: z.null().describe('Null: there is no limit.'),
})

export const projects = resource({
  list: {
    method: 'GET',
    path: '/api/v1/projects/',
    summary: 'The projects that the caller may see.',
    scope: { level: 'actor' },
    permission: 'ANYONE',
    query: z.object({ organisation: id.optional(), uuid: uuid.optional() }),
    reply: z.array(project),
  },
  listOfOrganisation: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/projects/',
    summary: 'The projects of an organisation that the caller may see.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'MEMBER',
    reply: z.array(project),
  },
  create: {
    method: 'POST',
    path: '/api/v1/projects/',
    summary: 'Creates a project.',
    scope: { level: 'organisation', by: 'id', from: 'body.organisation' },
    permission: 'CREATE_PROJECT',
    body: z.object(settings).partial().extend({ name: settings.name, organisation: id }),
    reply: projectInFull,
    status: 201,
    records: ['project.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/projects/:project/',
    summary: 'One project.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'VIEW_PROJECT',
    reply: projectInFull,
  },
  getByUuid: {
    method: 'GET',
    path: '/api/v1/projects/get-by-uuid/:uuid/',
    summary: 'One project, by its UUID.',
    scope: { level: 'project', by: 'uuid', from: 'params.uuid' },
    permission: 'VIEW_PROJECT',
    reply: projectInFull,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/projects/:project/',
    summary: 'Changes settings of a project; fields that are absent stay.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'ADMIN',
    body: z.object(settings).partial(),
    reply: projectInFull,
    records: ['project.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/projects/:project/',
    summary: 'Changes settings of a project; the name is required.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'ADMIN',
    body: z.object(settings).partial().extend({ name: settings.name }),
    reply: projectInFull,
    records: ['project.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/projects/:project/',
    summary: 'Deletes a project: everything in it disappears and its SDK keys stop working at once.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'ADMIN',
    status: 204,
    records: ['project.deleted'],
  },
})
