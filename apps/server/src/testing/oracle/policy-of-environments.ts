import type { Who } from './decide.ts'
import { crud, rules, type Section } from './sections.ts'

const admin = 'ENVIRONMENT_ADMIN'
// What the examples write says something of everybody and of a segment.
const both: Who = { all: ['UPDATE_FEATURE_STATE', 'MANAGE_SEGMENT_OVERRIDES'] }
const bothSeen: Who = { all: ['VIEW_ENVIRONMENT', 'UPDATE_FEATURE_STATE', 'MANAGE_SEGMENT_OVERRIDES'] }

export const ofEnvironments: Section = [
  ...rules('§2.11, §3.1', {
    environments: {
      ...crud('VIEW_ENVIRONMENT', admin),
      getByUuid: 'VIEW_ENVIRONMENT',
      metrics: 'VIEW_ENVIRONMENT',
      // Each lists those that the caller sees.
      list: 'VIEW_PROJECT',
      listOfProject: 'VIEW_PROJECT',
      create: 'CREATE_ENVIRONMENT',
      // A clone shows all that is in what it was made of.
      clone: { all: ['VIEW_ENVIRONMENT', 'CREATE_ENVIRONMENT'] },
    },
    environmentApiKeys: { list: admin, create: admin, update: admin, replace: admin, delete: admin },
    environmentDocument: { get: 'VIEW_ENVIRONMENT' },
    versioning: { enable: admin, disable: admin },
  }),
  ...rules('ours: the key that SDKs read with is changed by who may delete the environment', { environments: { rotateKey: admin } }),
  // §3.4: upstream shows secrets to whoever sees the environment; ours shows them to nobody, and deliveries to administrators.
  ...rules('§2.11, §2.12', {
    environmentWebhooks: { ...crud('VIEW_ENVIRONMENT', admin), listDeliveries: admin, getDelivery: admin, replay: admin },
    webhookTests: { send: admin },
  }),
  // §3.4: upstream tells these to any user, or to nobody in particular.
  ...rules('§2.7, §2.11', {
    usage: { ofFeature: 'VIEW_ENVIRONMENT', ofEnvironment: 'VIEW_ENVIRONMENT', onboardingStatus: 'VIEW_ENVIRONMENT' },
  }),
  ...rules('§2.8, §3.1: by what is written, for everybody, for an identity or for a segment', {
    featureStates: {
      list: 'VIEW_ENVIRONMENT',
      get: 'VIEW_ENVIRONMENT',
      listTyped: 'VIEW_ENVIRONMENT',
      getTyped: 'VIEW_ENVIRONMENT',
      getTypedByUuid: 'VIEW_ENVIRONMENT',
      update: 'UPDATE_FEATURE_STATE',
      replace: 'UPDATE_FEATURE_STATE',
      replaceTyped: 'UPDATE_FEATURE_STATE',
      createTyped: 'MANAGE_SEGMENT_OVERRIDES',
      updateTyped: 'MANAGE_SEGMENT_OVERRIDES',
    },
  }),
  // Upstream shows these places to whoever sees the project; what is in an environment is for who sees the environment.
  ...rules('§2.8, §3.1', {
    featureSegments: {
      list: 'VIEW_ENVIRONMENT',
      get: 'VIEW_ENVIRONMENT',
      getByUuid: 'VIEW_ENVIRONMENT',
      create: 'MANAGE_SEGMENT_OVERRIDES',
      delete: 'MANAGE_SEGMENT_OVERRIDES',
      updatePriorities: 'MANAGE_SEGMENT_OVERRIDES',
      createOverride: 'MANAGE_SEGMENT_OVERRIDES',
    },
  }),
  // Where upstream lets a version change overrides by UPDATE_FEATURE_STATE alone, ours asks for what changing them directly needs.
  ...rules('§2.9, §3.1', {
    featureVersions: {
      list: 'VIEW_ENVIRONMENT',
      get: 'VIEW_ENVIRONMENT',
      getByUuid: 'VIEW_ENVIRONMENT',
      diff: 'VIEW_ENVIRONMENT',
      create: both,
      update: both,
      delete: both,
      publish: both,
      restore: both,
    },
    versionStates: { list: 'VIEW_ENVIRONMENT', create: both, update: both, replace: both, delete: both },
  }),
  // A reply shows the whole flag.
  ...rules('§2.10: by what is written, and by whatever lets somebody see it where it is answered with', {
    flagUpdates: { updateOne: both, updateSeveral: both, deleteOverride: 'MANAGE_SEGMENT_OVERRIDES' },
    manyFlags: { update: bothSeen },
    wholeFlags: { get: 'VIEW_ENVIRONMENT', update: bothSeen, replace: bothSeen, deleteOverride: 'MANAGE_SEGMENT_OVERRIDES' },
  }),
  ...rules('§2.7: files are for administrators; features of a file are made in the whole project', {
    featureFiles: { createExport: admin, download: admin, import: { all: [admin, 'PROJECT_ADMIN'] } },
  }),
  ...rules('ours: what is to change later is seen and written as what changes now', {
    scheduledChanges: { list: 'VIEW_ENVIRONMENT', create: both },
  }),
  ...rules('§2.11, §3.1: identities, their traits and their overrides', {
    identities: {
      list: 'VIEW_IDENTITIES',
      get: 'VIEW_IDENTITIES',
      create: 'MANAGE_IDENTITIES',
      update: 'MANAGE_IDENTITIES',
      delete: 'MANAGE_IDENTITIES',
      bulkDelete: 'MANAGE_IDENTITIES',
    },
    identityTraits: { ...crud('VIEW_IDENTITIES', 'MANAGE_IDENTITIES'), listKeys: 'VIEW_ENVIRONMENT', deleteKey: admin },
    identityOverrides: {
      ...crud('VIEW_IDENTITIES', 'UPDATE_FEATURE_STATE'),
      listAll: 'VIEW_IDENTITIES',
      cloneFrom: 'UPDATE_FEATURE_STATE',
    },
    segmentMembers: { list: 'VIEW_IDENTITIES' },
  }),
  ...rules('ours: what tells of identities is for who sees identities', {
    identityOverrides: { listSegments: 'VIEW_IDENTITIES' },
    explanations: { explain: 'VIEW_IDENTITIES' },
    // Somebody is erased by whoever may delete them.
    personalData: { export: 'VIEW_IDENTITIES', erase: 'MANAGE_IDENTITIES' },
    segmentMembers: { preview: 'VIEW_IDENTITIES' },
  }),
]
