import * as z from 'zod'
import { resource, type Scope } from '../endpoint.ts'
import { writtenState, writtenTypedValue } from '../feature-value.ts'
import { id, instant, listOf } from '../fields.ts'
import { page, pageQuery } from '../page.ts'
import { contentOf, description, feature, ignoreConflicts, overrideState, version, versionInFull } from './feature-versions.ts'

const environment = { level: 'environment', by: 'key', from: 'params.environment_key' } as const satisfies Scope

/** Versions that wait for their time, in environments of either kind. */
export const scheduledChanges = resource({
  list: {
    method: 'GET',
    path: '/api/v1/environments/:environment_key/scheduled-changes/',
    summary: 'What is to change in an environment and when, the next first; also what was due and could not be done.',
    scope: environment,
    permission: 'VIEW_ENVIRONMENT',
    query: z.object({ ...pageQuery(999).shape, feature: id.optional() }),
    reply: page(version),
  },
  create: {
    method: 'POST',
    path: '/api/v1/environments/:environment/features/:feature/scheduled-changes/',
    summary: 'Schedules a change, in environments of either kind: a version that waits for its time.',
    scope: feature,
    permission: 'UPDATE_FEATURE_STATE',
    body: z.strictObject({
      live_from: instant,
      environment_default: z.object(writtenState(writtenTypedValue)).transform(contentOf).optional(),
      segment_overrides: listOf(overrideState).default([]),
      remove_segment_overrides: listOf(id).default([]),
      description,
      ignore_conflicts: ignoreConflicts,
    }),
    reply: versionInFull,
    status: 201,
    records: ['feature_version.scheduled'],
  },
})

/** Whether feature states of an environment are changed through versions only. */
export const versioning = resource({
  enable: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/enable-v2-versioning/',
    summary: 'From now on feature states of the environment are changed through versions only.',
    scope: environment,
    permission: 'ADMIN',
    status: 202,
    records: ['environment.updated'],
  },
  disable: {
    method: 'POST',
    path: '/api/v1/environments/:environment_key/disable-v2-versioning/',
    summary: 'Feature states of the environment may be changed directly again; its versions stay.',
    scope: environment,
    permission: 'ADMIN',
    status: 202,
    records: ['environment.updated'],
  },
})
