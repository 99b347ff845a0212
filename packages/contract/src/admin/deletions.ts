import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { id, listOf, name } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

/** How long what was deleted can be restored, with all that hung on it. */
export const restorableDays = 30

const deletedKinds = ['project', 'environment', 'feature', 'segment'] as const
export type DeletedKind = (typeof deletedKinds)[number]

const deletion = z.object({
  kind: z.enum(deletedKinds),
  id: z.int(),
  uuid: z.uuid(),
  name: z.string(),
  deleted_at: z.iso.datetime(),
  deleted_by: z.string().nullable(),
  restorable_until: z.iso.datetime(),
})

const restored = z.object({ kind: z.enum(deletedKinds), id: z.int(), uuid: z.uuid(), name: z.string() })

const anotherName = z.strictObject({
  name: name().optional().describe('Another name, when something else has the old one by now.'),
})

const ofOrganisation = { level: 'organisation', by: 'id', from: 'params.organisation' } as const satisfies Scope
const ofProject = { level: 'project', by: 'id', from: 'params.project' } as const satisfies Scope

export const deletions = resource({
  listOfOrganisation: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/deleted/',
    summary: 'The deleted projects of an organisation that can be restored, the newest deletion first.',
    scope: ofOrganisation,
    permission: 'ADMIN',
    query: pageQuery(50),
    reply: page(deletion),
  },
  listOfProject: {
    method: 'GET',
    path: '/api/v1/projects/:project/deleted/',
    summary:
      'The deleted features and segments of a project that can be restored, and for its administrators environments, the newest first.',
    scope: ofProject,
    permission: 'VIEW_PROJECT',
    query: pageQuery(50),
    reply: page(deletion),
  },
  restoreProject: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/deleted/projects/:id/restore/',
    summary: 'Restores a project with all that was in it; its SDK keys work again.',
    scope: ofOrganisation,
    permission: 'ADMIN',
    body: anotherName,
    reply: restored,
    records: ['project.restored'],
  },
  restoreEnvironment: {
    method: 'POST',
    path: '/api/v1/projects/:project/deleted/environments/:id/restore/',
    summary: 'Restores an environment with its states, overrides, identities and SDK keys.',
    scope: ofProject,
    permission: 'ADMIN',
    body: anotherName,
    reply: restored,
    records: ['environment.restored'],
  },
  restoreFeature: {
    method: 'POST',
    path: '/api/v1/projects/:project/deleted/features/:id/restore/',
    summary: 'Restores a feature with its states, variants and overrides; who was in which variant is so again.',
    scope: ofProject,
    permission: 'DELETE_FEATURE',
    body: anotherName,
    reply: restored,
    records: ['feature.restored'],
  },
  restoreFeatures: {
    method: 'POST',
    path: '/api/v1/projects/:project/deleted/features/bulk-restore/',
    summary: 'Restores many features at once; all of them or, if one cannot be, none.',
    scope: ofProject,
    permission: 'DELETE_FEATURE',
    body: z.strictObject({ features: listOf(id).min(1, 'Name at least one feature.') }),
    reply: z.array(restored),
    records: ['feature.restored'],
  },
  restoreSegment: {
    method: 'POST',
    path: '/api/v1/projects/:project/deleted/segments/:id/restore/',
    summary: 'Restores a segment with its overrides, each in its place among the others.',
    scope: ofProject,
    permission: 'MANAGE_SEGMENTS',
    body: anotherName,
    reply: restored,
    records: ['segment.restored'],
  },
})
