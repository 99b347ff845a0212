import * as z from 'zod'
import { environmentSettings } from './admin/environments.ts'
import { projectSettings } from './admin/projects.ts'
import { writtenRules } from './admin/segments.ts'
import { variantKey } from './admin/variants.ts'
import { percentage, plainValue } from './feature-value.ts'
import { id, name, oneOf, text, wholeNumber, yesOrNo } from './fields.ts'
import { exactIdentifier } from './sdk/identifier.ts'
import { identityTraitsMax } from './sdk/limits.ts'
import { traitKey, traitText } from './sdk/traits.ts'

/**
 * What an export holds and an import reads: an organisation's projects with everything that decides flags, by name rather than by
 * id. Ids are there where they are hash seeds, of segments and feature states: with them, and the environment's key, percentages
 * come out the same elsewhere. People, roles, server-side keys, webhooks and the record are not in it.
 */

const manyOf = <Item extends z.ZodType>(item: Item, max = 100_000) => z.array(item, 'Expected a list of items.').max(max)

const { name: _projectName, ...ofProject } = projectSettings
const { name: _environmentName, api_key: _key, description, ...ofEnvironment } = environmentSettings
export const exportedProjectSettings = z.object(ofProject).partial()
export const exportedEnvironmentSettings = z.object(ofEnvironment).partial()

const tag = z.object({ label: name(100), color: name(10), description: text(512).nullable(), is_permanent: yesOrNo })

const variant = z.object({ key: variantKey, value: plainValue, default_weight: percentage })

const feature = z.object({
  name: name(),
  type: oneOf(['STANDARD', 'MULTIVARIATE']),
  description: text(20_000).nullable(),
  initial_value: text(20_000).nullable(),
  default_enabled: yesOrNo,
  is_archived: yesOrNo,
  is_server_key_only: yesOrNo,
  tags: manyOf(z.string()).describe('Labels.'),
  variants: manyOf(variant, 1000),
  value_schema: z
    .union([z.record(z.string(), z.unknown()), z.boolean()], 'A JSON Schema is an object, true or false.')
    .optional()
    .describe('A JSON Schema that the values of its variants and states satisfy.'),
})

const segment = z.object({
  id: id.describe('The seed of its percentages; also what states call it by.'),
  name: name(),
  description: text(20_000).nullable(),
  feature: z.string().nullable().describe('The only feature it may override, by name.'),
  rules: writtenRules,
})

const state = z.object({
  id: id.describe('The seed of its variants.'),
  feature: z.string(),
  segment: id.nullable(),
  priority: wholeNumber(0).nullable().describe('Of a segment override: 0 is the strongest.'),
  identifier: exactIdentifier.nullable(),
  enabled: yesOrNo,
  value: plainValue,
  weights: manyOf(z.object({ variant: wholeNumber(0).describe('Its place among the variants of the feature.'), weight: percentage }), 1000),
})

const environment = z.object({
  name: name(),
  description,
  api_key: environmentSettings.api_key,
  hash_key: environmentSettings.api_key.optional().describe('What percentages are drawn with, once the key was changed; else the key.'),
  settings: exportedEnvironmentSettings,
  states: manyOf(state, 1_000_000),
  identities: z.array(z.unknown()).optional().describe('Read one by one: see exportedIdentity.'),
})

const project = z.object({
  name: name(),
  settings: exportedProjectSettings,
  tags: manyOf(tag),
  features: manyOf(feature),
  segments: manyOf(segment),
  environments: manyOf(environment, 1000),
})

export const exportFile = z.object({
  format: z.literal('halyard', 'This is not an export of Halyard: its “format” is not “halyard”.'),
  version: z.literal(1, 'This version of Halyard reads exports of version 1.'),
  projects: manyOf(project, 1000),
})

const traitValue = z.union([traitText, z.number(), z.boolean()], 'A trait is a text, a number or a boolean.')

export const exportedIdentity = z.object({
  identifier: exactIdentifier.refine((identifier) => identifier !== '', 'This field may not be blank.'),
  traits: z
    .record(traitKey, traitValue)
    .refine((traits) => Object.keys(traits).length <= identityTraitsMax, `An identity has at most ${identityTraitsMax} traits.`),
})

export type ExportFile = z.output<typeof exportFile>
export type ExportedProject = ExportFile['projects'][number]
export type ExportedEnvironment = ExportedProject['environments'][number]
export type ExportedState = ExportedEnvironment['states'][number]
export type ExportedIdentity = z.output<typeof exportedIdentity>
/** As it is written: what reading it turns into something else is as it was. */
export type WrittenProject = z.input<typeof project>
