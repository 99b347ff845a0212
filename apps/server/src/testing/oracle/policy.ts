import type { Rule, Who } from './decide.ts'
import { ofEnvironments } from './policy-of-environments.ts'
import { ofProjects } from './policy-of-projects.ts'
import { crud, rules, type Section } from './sections.ts'

// Who may do what, written by hand from the reference of the control plane (“§2.5”) and decided here where an operation is only ours
// (“ours”). The contract says it once more, for the server: where they differ, one of them is wrong, and the test names the operation.

const admin = 'ORGANISATION_ADMIN'
const own = { who: 'SIGNED_IN', only: 'people' } as const
const inSession = { who: 'SIGNED_IN', only: 'sessions' } as const
const adminInPerson = { who: admin, only: 'people' } as const
const groupAdmin: Who = { either: ['MANAGE_USER_GROUPS', 'GROUP_ADMIN'] }

const accounts: Section = [
  ...rules('§2.4: signing up, signing in and forgotten passwords are for whoever cannot say yet who they are', {
    users: { create: 'ANYBODY', login: 'ANYBODY', loginWithCode: 'ANYBODY', setUp: 'ANYBODY' },
    passwords: { requestReset: 'ANYBODY', confirmReset: 'ANYBODY' },
    trustRelationships: { exchange: 'ANYBODY' },
  }),
  ...rules('§2.4: one’s own account, which API keys do not have', {
    users: { logout: own, deleteToken: own, me: own, updateMe: own, replaceMe: own, updateOnboarding: own },
    secondFactors: { list: own },
  }),
  ...rules('§2.4, and ours: what decides who can sign in is not for a token that a script holds', {
    users: { deleteMe: inSession, setEmail: inSession },
    passwords: { set: inSession },
    secondFactors: { start: inSession, confirm: inSession, disable: inSession },
    sessions: { list: inSession, endOthers: inSession, end: { who: 'WHOSE_IT_IS', only: 'sessions' } },
    personalTokens: { list: inSession, create: inSession, delete: { who: 'WHOSE_IT_IS', only: 'sessions' } },
  }),
]

const organisations: Section = [
  // §3.4: that members cannot read their organisation surprises clients, so ours can.
  ...rules('§2.5, §3.1: members see their organisation, administrators change it', {
    organisations: {
      list: 'SIGNED_IN',
      create: own,
      get: 'MEMBER',
      getByUuid: 'MEMBER',
      update: admin,
      replace: admin,
      delete: admin,
    },
    members: { list: 'MEMBER', updateRole: admin, remove: admin },
  }),
  ...rules('§2.1, §2.5: keys are made by administrators in person, never by keys', {
    masterApiKeys: crud(adminInPerson, adminInPerson),
    trustRelationships: crud(adminInPerson, adminInPerson),
  }),
  ...rules('§2.4, §2.5: administrators invite; an invitation is for one address, a link for whoever has it', {
    invites: {
      createMany: admin,
      list: admin,
      create: admin,
      get: admin,
      delete: admin,
      resend: admin,
      join: { who: 'THE_INVITED', only: 'people' },
    },
    inviteLinks: { list: admin, create: admin, delete: admin, join: own },
  }),
  ...rules('ours: whoever belongs to an organisation may leave it', {
    members: { leave: { who: 'MEMBER', only: 'people', isAboutOneself: true } },
  }),
  ...rules('§2.5: webhooks, the audit log and usage of the whole organisation', {
    organisationWebhooks: { ...crud(admin, admin), listDeliveries: admin, getDelivery: admin, replay: admin },
    audit: { listOfOrganisation: admin, getOfOrganisation: admin, exportOfOrganisation: admin, verify: admin },
    usage: { ofOrganisation: admin, totalOfOrganisation: admin },
  }),
  ...rules('§2.12: what was done in all organisations that one administers', {
    audit: { list: 'SIGNED_IN', get: { hiddenUnless: admin } },
  }),
  ...rules('ours: a whole organisation is taken out, brought in and brought back by its administrators', {
    transfers: { exportOrganisation: admin, import: admin },
    deletions: { listOfOrganisation: admin, restoreProject: admin },
  }),
]

const access: Section = [
  ...rules('§2.5, §3.2: anyone may ask what they may do, administrators what others may', {
    permissionViews: {
      listForOrganisations: 'SIGNED_IN',
      listForProjects: 'SIGNED_IN',
      listForEnvironments: 'SIGNED_IN',
      mineInOrganisation: 'MEMBER',
      mineInProject: 'SEES_PROJECT',
      mineInEnvironment: 'SEES_ENVIRONMENT',
      // The examples ask about somebody else.
      ofUserInOrganisation: admin,
      ofUserInProject: 'PROJECT_ADMIN',
      ofUserInEnvironment: 'ENVIRONMENT_ADMIN',
      allOfUserInProject: 'PROJECT_ADMIN',
      accessToOrganisation: admin,
      accessToProject: 'PROJECT_ADMIN',
      accessToEnvironment: 'ENVIRONMENT_ADMIN',
    },
  }),
  ...rules('§2.5, §2.6, §2.11: who was granted what is for administrators of the place', {
    organisationUserPermissions: crud(admin, admin),
    organisationGroupPermissions: crud(admin, admin),
    projectUserPermissions: crud('PROJECT_ADMIN', 'PROJECT_ADMIN'),
    projectGroupPermissions: crud('PROJECT_ADMIN', 'PROJECT_ADMIN'),
    // Whoever sees an environment is shown its list, and therefore each row of it.
    environmentUserPermissions: crud('VIEW_ENVIRONMENT', 'ENVIRONMENT_ADMIN'),
    environmentGroupPermissions: crud('VIEW_ENVIRONMENT', 'ENVIRONMENT_ADMIN'),
  }),
  ...rules('§2.5, §3.1: who manages groups manages all, a group’s administrator that one', {
    groups: {
      list: 'MEMBER',
      listMine: 'MEMBER',
      listSummaries: 'MEMBER',
      create: 'MANAGE_USER_GROUPS',
      get: groupAdmin,
      update: groupAdmin,
      replace: groupAdmin,
      addUsers: groupAdmin,
      removeUsers: groupAdmin,
      delete: 'MANAGE_USER_GROUPS',
      makeAdmin: admin,
      removeAdmin: admin,
    },
  }),
  ...rules('§2.5: roles are for administrators of the organisation', {
    roles: { ...crud(admin, admin), listOfUser: admin, listOfGroup: admin, listOfMasterApiKey: admin },
    roleUsers: { list: admin, create: admin, delete: admin },
    roleGroups: { list: admin, create: admin, delete: admin },
    roleMasterApiKeys: { list: admin, create: admin, delete: admin },
    roleOrganisationPermissions: crud(admin, admin),
    roleProjectPermissions: crud(admin, admin),
    roleEnvironmentPermissions: crud(admin, admin),
  }),
]

/** By operation, as `features.list`. */
export const policy: ReadonlyMap<string, Rule & { readonly paragraph: string }> = new Map([
  ...accounts,
  ...organisations,
  ...access,
  ...ofProjects,
  ...ofEnvironments,
])
