/** Which workspaces a workspace may import, and which packages from outside; tests may import more. See ARCHITECTURE.md. */
export const workspaces: Record<
  string,
  { readonly folder: string; readonly workspaces: readonly string[]; readonly packages: readonly string[] }
> = {
  engine: { folder: 'packages/engine', workspaces: [], packages: ['re2js'] },
  contract: { folder: 'packages/contract', workspaces: ['engine'], packages: ['zod'] },
  client: { folder: 'packages/client', workspaces: ['contract'], packages: [] },
  'sdk-api': { folder: 'packages/sdk-api', workspaces: ['engine', 'contract'], packages: ['fastify', 'zod'] },
  server: {
    folder: 'apps/server',
    workspaces: ['engine', 'contract', 'sdk-api'],
    packages: [
      '@electric-sql/pglite',
      '@fastify/multipart',
      '@fastify/rate-limit',
      '@fastify/static',
      '@node-rs/argon2',
      '@streamparser/json',
      'ajv',
      'ajv-formats',
      'csv-stringify',
      'fastify',
      'ipaddr.js',
      'jose',
      'kysely',
      'nodemailer',
      'otplib',
      'pg',
      'pino',
      'swagger-ui-dist',
      'zod',
    ],
  },
}

/** Workspaces that run in browsers too: nothing of Node in them. */
export const portable = ['engine', 'contract', 'client']

/** The server's folders, lowest first: a file may import from its own folder and from those before it. */
export const serverFloors = [
  'runtime',
  'access',
  'changes',
  'http',
  'organisations',
  'members',
  'user-tokens',
  'second-factors',
  'users',
  'passwords',
  'master-api-keys',
  'trust-relationships',
  'grants',
  'groups',
  'roles',
  'permissions',
  'feature-states',
  'projects',
  'environments',
  'environment-api-keys',
  'tags',
  'variants',
  'features',
  'value-schemas',
  'feature-segments',
  'segments',
  'feature-versions',
  'identities',
  'identity-traits',
  'analytics',
  'usage',
  'stale-features',
  'evaluation',
  'identity-overrides',
  'segment-members',
  'audit',
  'deletions',
  'webhooks',
  'transfers',
  // Files directly in src/ (app, worker, start, main) are the roof.
  '.',
  'testing',
] as const

/** What a file in a noun's folder may be called. */
export const fileRoles = ['routes', 'commands', 'queries', 'rules'] as const

/** Files of other names, each with the reason why the noun needs them. */
export const otherFiles: Record<string, string> = {
  'audit/verify.ts': 'follows the chain of a record',
  'audit/export.ts': 'the record as CSV and NDJSON, written while it is read',
  'analytics/count-requests.ts': 'counts in memory, flushed in batches',
  'analytics/purge-usage.ts': 'the job that ends what is old',
  'analytics/record-evaluations.ts': 'when features and environments were first and last evaluated, written as counts are',
  'analytics/record-events.ts': 'stores SDK events in batches',
  'feature-states/change-flag.ts': 'the one command that changes what a feature is, whose views many nouns are',
  'feature-states/places.ts': 'the order of segment overrides, written within that command and others',
  'deletions/purge-deleted.ts': 'the job that ends what can no longer be restored',
  'feature-states/clone-states.ts': 'what an environment takes over from the one it is cloned from',
  'feature-states/value-schema.ts': 'what the values of a feature must be, below everything that writes one',
  'feature-states/default-states.ts': 'seeds states for new environments and new features, below both',
  'feature-versions/publish-due.ts': 'the schedule: a job with edits of its own',
  'features/owners.ts': 'who looks after a feature, in person or as a group: a list of its own beside the feature',
  'identities/degradation.ts': 'what is answered when the identity store is away',
  'identities/project-search.ts': 'fills the search from what was written',
  'identities/remember-identity.ts': 'the group commit of the identity store',
  'identities/search-queries.ts': 'the search, whose tables are apart from those of identities',
  'identities/search-terms.ts': 'what an identity is found by, the same for those who fill and those who ask',
  'trust-relationships/verify-token.ts': 'asks issuers for their keys',
  'users/sign-in.ts': 'the two steps of signing in share what proves the first',
  'webhooks/deliver.ts': 'the job that sends what waits for a webhook',
  'webhooks/payload.ts': 'what webhooks are told, in two formats',
  'webhooks/python-json.ts': 'JSON byte for byte as Flagsmith writes it',
  'webhooks/send-sample.ts': 'the test of an address, which is no edit',
  'transfers/ids.ts': 'which ids an import keeps',
  'transfers/read-upload.ts': 'parses a file as it arrives',
  'transfers/staged-identities.ts': 'what is stored of an import before the rest is sure',
  'transfers/write-export.ts': 'writes a file while it is read',
  'roles/grant-routes.ts': 'the routes of what roles allow, beside those of the roles themselves',
  'segment-members/find-members.ts': 'walks and samples identities, and remembers counts for a while',
  'segment-members/members-thread.ts': 'the thread that evaluates, seen from the server',
  'segment-members/members-worker.js': 'what runs in that thread',
  'passwords/reset-pages.ts': 'the pages behind reset links',
  'users/setup-page.ts': 'the page behind the set-up link',
}

/** Folders that hold machinery rather than a noun: any file name that says something. */
export const machinery = ['runtime', 'access', 'changes', 'http', 'evaluation', 'testing', '.']
