import { crud, rules, type Section } from './sections.ts'

export const ofProjects: Section = [
  // §3.4: upstream lists all projects of an organisation to all its members; ours lists what they see.
  ...rules('§2.6, §3.1', {
    projects: {
      ...crud('VIEW_PROJECT', 'PROJECT_ADMIN'),
      list: 'SIGNED_IN',
      listOfOrganisation: 'MEMBER',
      create: 'CREATE_PROJECT',
      getByUuid: 'VIEW_PROJECT',
    },
    tags: { ...crud('VIEW_PROJECT', 'MANAGE_TAGS'), getByUuid: 'VIEW_PROJECT' },
    audit: { listOfProject: 'VIEW_AUDIT_LOG', getOfProject: 'VIEW_AUDIT_LOG', exportOfProject: 'VIEW_AUDIT_LOG' },
  }),
  // Where upstream asks for an administrator to create a feature together with variants, which its creator may add a moment later
  // anyway, ours does not.
  ...rules('§2.7, §3.1', {
    features: {
      ...crud('VIEW_PROJECT', 'CREATE_FEATURE'),
      getByUuid: 'VIEW_PROJECT',
      addOwners: 'CREATE_FEATURE',
      removeOwners: 'CREATE_FEATURE',
      addGroupOwners: 'CREATE_FEATURE',
      removeGroupOwners: 'CREATE_FEATURE',
      updateMany: 'CREATE_FEATURE',
      delete: 'DELETE_FEATURE',
      deleteMany: 'DELETE_FEATURE',
    },
    featureFiles: { listExports: 'VIEW_PROJECT', listImports: 'VIEW_PROJECT' },
    variants: { ...crud('VIEW_PROJECT', 'CREATE_FEATURE'), getByUuid: 'VIEW_PROJECT' },
  }),
  ...rules('§2.12, §3.1', {
    segments: {
      ...crud('VIEW_PROJECT', 'MANAGE_SEGMENTS'),
      getByUuid: 'VIEW_PROJECT',
      clone: 'MANAGE_SEGMENTS',
      associatedFeatures: 'VIEW_PROJECT',
    },
  }),
  ...rules('ours: what is said of a feature or segment is seen and changed as it is itself, and restored by who may delete it', {
    valueSchemas: { get: 'VIEW_PROJECT', replace: 'CREATE_FEATURE', delete: 'CREATE_FEATURE' },
    segments: { usage: 'VIEW_PROJECT', revisions: 'VIEW_PROJECT' },
    staleFeatures: { list: 'VIEW_PROJECT' },
    deletions: {
      listOfProject: 'VIEW_PROJECT',
      restoreFeature: 'DELETE_FEATURE',
      restoreFeatures: 'DELETE_FEATURE',
      restoreSegment: 'MANAGE_SEGMENTS',
      // Its own administrators went with it.
      restoreEnvironment: 'PROJECT_ADMIN',
    },
  }),
  ...rules('ours: a file of a project holds all of it, environments and their keys included', {
    transfers: { exportProject: 'PROJECT_ADMIN' },
  }),
]
