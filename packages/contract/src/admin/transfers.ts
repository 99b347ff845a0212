import * as z from 'zod'
import { resource } from '../endpoint.ts'

const flag = z.stringbool({ error: 'Must be a valid boolean.' })
const exportQuery = z.object({ identities: flag.default(false).describe('True: with all identities and their traits.') })

const problem = z.object({ path: z.string().describe('Where in the file.'), message: z.string() })

const importedEnvironment = z.object({
  id: z.int().nullable(),
  name: z.string(),
  api_key: z.string().nullable().describe('Null in a dry run when the key of the file is taken and another would be made.'),
  identities: z.int(),
})

const importedProject = z.object({
  id: z.int().nullable().describe('Null in a dry run.'),
  name: z.string(),
  features: z.int(),
  segments: z.int(),
  overrides: z.int(),
  environments: z.array(importedEnvironment),
})

export const transfers = resource({
  exportOrganisation: {
    method: 'GET',
    path: '/api/v1/organisations/:organisation/export/',
    summary: 'All projects of an organisation with everything that decides flags, as one JSON file for an import elsewhere.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    query: exportQuery,
    file: true,
    reply: z.string(),
  },
  exportProject: {
    method: 'GET',
    path: '/api/v1/projects/:project/export/',
    summary: 'A project with everything that decides flags, as one JSON file for an import elsewhere.',
    scope: { level: 'project', by: 'id', from: 'params.project' },
    permission: 'ADMIN',
    query: exportQuery,
    file: true,
    reply: z.string(),
  },
  import: {
    method: 'POST',
    path: '/api/v1/organisations/:organisation/import/',
    summary: 'Makes new projects of an export file, all of it or nothing; a dry run says what would happen.',
    scope: { level: 'organisation', by: 'id', from: 'params.organisation' },
    permission: 'ADMIN',
    query: z.object({ dry_run: flag.default(false) }),
    upload: true,
    edits: 'own',
    reply: z.object({
      dry_run: z.boolean(),
      problems: z.array(problem).describe('Why it cannot be imported; only a dry run answers with them, an import fails.'),
      warnings: z.array(problem).describe('What will not be as it was.'),
      projects: z.array(importedProject),
    }),
    records: ['project.created', 'environment.created', 'project.imported'],
  },
})
