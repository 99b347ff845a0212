/** What can be granted, by the level it is granted at. Administrators of a level hold all of it and of the levels below. */
export const permissions = {
  organisation: ['CREATE_PROJECT', 'MANAGE_USER_GROUPS'],
  project: ['VIEW_PROJECT', 'CREATE_ENVIRONMENT', 'CREATE_FEATURE', 'DELETE_FEATURE', 'MANAGE_SEGMENTS', 'MANAGE_TAGS', 'VIEW_AUDIT_LOG'],
  environment: ['VIEW_ENVIRONMENT', 'UPDATE_FEATURE_STATE', 'MANAGE_SEGMENT_OVERRIDES', 'VIEW_IDENTITIES', 'MANAGE_IDENTITIES'],
} as const

export type Level = keyof typeof permissions

/**
 * What an endpoint asks of its caller at its scope: a key above, `ADMIN` (administrator of that level) or `MEMBER` (anyone of
 * the organisation). `ANYONE` is for endpoints without a scope.
 */
export type Permission = (typeof permissions)[Level][number] | 'ADMIN' | 'MEMBER' | 'ANYONE'
