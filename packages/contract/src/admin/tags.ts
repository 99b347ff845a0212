import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { name, text, yesOrNo } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

const settings = {
  label: name(100),
  color: name(10).describe('As CSS writes it, such as #6837FC.'),
  description: text(512).nullable(),
  is_permanent: yesOrNo.describe('True: features that carry it are never stale.'),
}

const tag = z.object({
  id: z.int(),
  uuid: z.uuid(),
  project: z.int(),
  ...settings,
  is_system_tag: z.boolean(),
  type: z.string().describe('What it is for: NONE, or of the platform’s own tags STALE, GITHUB, GITLAB or UNHEALTHY.'),
})

export const tags = resource({
  list: {
    method: 'GET',
    path: '/api/v1/projects/:project/tags/',
    summary: 'The tags of a project.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'VIEW_PROJECT',
    query: pageQuery(10),
    reply: page(tag),
  },
  create: {
    method: 'POST',
    path: '/api/v1/projects/:project/tags/',
    summary: 'Creates a tag.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'MANAGE_TAGS',
    body: z.object({
      label: settings.label,
      color: settings.color.default('#6837FC'),
      description: settings.description.default(null),
      is_permanent: settings.is_permanent.default(false),
    }),
    reply: tag,
    status: 201,
    records: ['tag.created'],
  },
  get: {
    method: 'GET',
    path: '/api/v1/projects/:project/tags/:tag/',
    summary: 'One tag.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'VIEW_PROJECT',
    reply: tag,
  },
  getByUuid: {
    method: 'GET',
    path: '/api/v1/projects/:project/tags/get-by-uuid/:uuid/',
    summary: 'One tag, by its UUID.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'VIEW_PROJECT',
    reply: tag,
  },
  update: {
    method: 'PATCH',
    path: '/api/v1/projects/:project/tags/:tag/',
    summary: 'Changes a tag; fields that are absent stay.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'MANAGE_TAGS',
    body: z.object(settings).partial(),
    reply: tag,
    records: ['tag.updated'],
  },
  replace: {
    method: 'PUT',
    path: '/api/v1/projects/:project/tags/:tag/',
    summary: 'Changes a tag; the label is required.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'MANAGE_TAGS',
    body: z.object(settings).partial().extend({ label: settings.label }),
    reply: tag,
    records: ['tag.updated'],
  },
  delete: {
    method: 'DELETE',
    path: '/api/v1/projects/:project/tags/:tag/',
    summary: 'Deletes a tag and takes it off its features.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'MANAGE_TAGS',
    status: 204,
    records: ['tag.deleted'],
  },
})
