/** What can be granted, by the level it is granted at, with what it is for. Administrators of a level hold all of it and of the levels below. */
export const permissions = {
  organisation: {
    CREATE_PROJECT: 'Create projects in the organisation; who creates one is its administrator.',
    MANAGE_USER_GROUPS: 'Create, change and delete groups, and say who belongs to them.',
  },
  project: {
    VIEW_PROJECT: 'See the project with its features, segments and tags.',
    CREATE_ENVIRONMENT: 'Create and clone environments; who creates one is its administrator.',
    CREATE_FEATURE: 'Create features and change what they are: descriptions, tags, owners and variants.',
    DELETE_FEATURE: 'Delete features.',
    MANAGE_SEGMENTS: 'Create, change and delete segments.',
    MANAGE_TAGS: 'Create, change and delete tags.',
    VIEW_AUDIT_LOG: 'Read the audit log of the project and its environments.',
    CREATE_PROJECT_LEVEL_CHANGE_REQUESTS: 'Propose changes of segments.',
    APPROVE_PROJECT_LEVEL_CHANGE_REQUESTS: 'Approve proposed changes of segments.',
    MANAGE_PROJECT_LEVEL_CHANGE_REQUESTS: 'Edit, publish and delete proposed changes of segments.',
  },
  environment: {
    VIEW_ENVIRONMENT: 'See the environment and what its features are in it.',
    UPDATE_FEATURE_STATE: 'Turn features on and off and change their values, for all and for single identities.',
    MANAGE_SEGMENT_OVERRIDES: 'Say what features are for segments, and in which order segments count.',
    VIEW_IDENTITIES: 'See identities, their traits and their overrides.',
    MANAGE_IDENTITIES: 'Create, change and delete identities and their traits.',
    CREATE_CHANGE_REQUEST: 'Propose changes of features.',
    APPROVE_CHANGE_REQUEST: 'Approve proposed changes of features.',
  },
} as const

export type Level = keyof typeof permissions
export type PermissionKey = { [L in Level]: keyof (typeof permissions)[L] }[Level]

/** Those that a role can hold for features with certain tags only. */
const tagged: ReadonlySet<string> = new Set<PermissionKey>([
  'DELETE_FEATURE',
  'UPDATE_FEATURE_STATE',
  'MANAGE_SEGMENT_OVERRIDES',
  'CREATE_CHANGE_REQUEST',
  'APPROVE_CHANGE_REQUEST',
])
export const supportsTags = (permission: string): boolean => tagged.has(permission)

/** The keys that can be granted at a level. */
export const keysOf = (level: Level): string[] => Object.keys(permissions[level])

/**
 * What an endpoint asks of its caller at its scope: a key above, `ADMIN` (administrator of that level) or `MEMBER` (anyone of
 * the organisation who can see what the endpoint works within). `ANYONE` is for endpoints without a scope.
 */
export type Permission = PermissionKey | 'ADMIN' | 'MEMBER' | 'ANYONE'
