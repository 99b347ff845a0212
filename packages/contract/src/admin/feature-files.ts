import * as z from 'zod'
import { resource } from '../endpoint.ts'
import { featureFile } from '../feature-file.ts'
import { id, listOf, oneOf } from '../fields.ts'
import { page, pageQuery } from '../page.ts'

/** How long exports can be downloaded, and imports are listed. */
export const featureFileDays = 14

// An export or import is done when it is answered, so that no other status comes up.
const status = z.enum(['SUCCESS', 'PROCESSING', 'FAILED'])
const strategies = ['SKIP', 'OVERWRITE_DESTRUCTIVE'] as const

const featureExport = z.object({
  id: z.int(),
  name: z.string(),
  environment_id: z.int(),
  status,
  created_at: z.iso.datetime(),
})

const featureImport = z.object({ id: z.int(), environment_id: z.int(), strategy: z.enum(strategies), status, created_at: z.iso.datetime() })

export const featureFiles = resource({
  createExport: {
    method: 'POST',
    path: '/api/v1/features/create-feature-export/',
    summary: 'Exports what the features of an environment are by default, as a file to download for 14 days. Archived ones are left out.',
    scope: { level: 'environment', by: 'id', from: 'body.environment_id' },
    permission: 'ADMIN',
    body: z.object({
      environment_id: id,
      tag_ids: listOf(id).default([]).describe('Only features with one of these tags; none: all.'),
    }),
    reply: featureExport,
    status: 201,
    records: ['feature_export.created'],
  },
  listExports: {
    method: 'GET',
    path: '/api/v1/projects/:project/feature-exports/',
    summary: 'The exports of the environments that the caller administers, the newest first.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'VIEW_PROJECT',
    query: pageQuery(10),
    reply: page(featureExport),
  },
  download: {
    method: 'GET',
    path: '/api/v1/features/download-feature-export/:feature_export/',
    summary: 'The file of an export.',
    scope: { level: 'environment', by: 'feature_export', from: 'params.feature_export' },
    permission: 'ADMIN',
    file: true,
    reply: z.string(),
  },
  import: {
    method: 'POST',
    path: '/api/v1/features/feature-import/:environment/',
    summary:
      'Reads the file of an export into an environment, all of it or nothing. Takes an administrator of the project, because features that are not there are created in all its environments.',
    scope: { level: 'environment', by: 'id', from: 'params.environment' },
    permission: 'ADMIN',
    form: true,
    body: z.object({
      file: featureFile.describe('The file, of 1 000 000 bytes at most.'),
      strategy: oneOf(strategies).describe(
        'What of features that are there by name: SKIP leaves them as they are; OVERWRITE_DESTRUCTIVE makes them what the file says and removes their overrides in the environment.',
      ),
    }),
    reply: featureImport,
    status: 201,
    records: [
      'feature_import.created',
      'feature.created',
      'feature.updated',
      'variant.created',
      'feature_state.updated',
      'segment_override.deleted',
      'identity_override.deleted',
    ],
  },
  listImports: {
    method: 'GET',
    path: '/api/v1/projects/:project/feature-imports/',
    summary: 'The imports into environments that the caller administers, the newest first.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'VIEW_PROJECT',
    query: pageQuery(10),
    reply: page(featureImport),
  },
})
