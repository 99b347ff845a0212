import { arrangeVariants, type FeatureState, numericPriority } from './feature-state.ts'
import { valueAt } from './json-path.ts'
import type { Definition, SegmentDefinition } from './program.ts'
import { isRecord, recordsIn, scalarOrNull, textOf } from './shape.ts'
import { keyPrefixOf, type Subject, subjectOf } from './subject.ts'

export interface ContextDefinition extends Definition<undefined> {
  readonly subject: Subject
}

/** Takes a context of any shape: pieces that make no sense are left out. */
export function readContext(context: unknown): ContextDefinition {
  const source = isRecord(context) ? context : {}
  const environmentKey = isRecord(source.environment) ? (textOf(source.environment.key) ?? '') : ''
  return {
    environmentKey,
    subject: subjectOf(source.identity, keyPrefixOf(environmentKey)),
    features: readFeatures(source.features),
    segments: isRecord(source.segments) ? recordsIn(Object.values(source.segments)).map(readSegment) : [],
    propertyField: 'property',
    findConstant: (path) => valueAt(source, path),
  }
}

/** Results are keyed by name, so of two features with one name the later counts, in the place of the earlier. */
function readFeatures(features: unknown): FeatureState<undefined>[] {
  const byName = new Map<string, FeatureState<undefined>>()
  if (!isRecord(features)) return []
  for (const [key, feature] of Object.entries(features)) {
    if (!isRecord(feature)) continue
    const name = typeof feature.name === 'string' ? feature.name : key
    byName.set(name, readFeature(feature, name))
  }
  return [...byName.values()]
}

function readSegment(segment: Record<string, unknown>): SegmentDefinition<undefined> {
  const overrides = recordsIn(segment.overrides).filter((override) => typeof override.name === 'string')
  return {
    key: textOf(segment.key) ?? '',
    name: textOf(segment.name) ?? '',
    rules: segment.rules,
    overrides: overrides.map((override) => readFeature(override, textOf(override.name) ?? '')),
    metadata: readMetadata(segment.metadata),
  }
}

function readFeature(feature: Record<string, unknown>, name: string): FeatureState<undefined> {
  return {
    name,
    key: textOf(feature.key) ?? '',
    enabled: feature.enabled === true,
    value: scalarOrNull(feature.value),
    priority: numericPriority(feature.priority),
    variants: arrangeVariants(
      recordsIn(feature.variants).map(({ value, key, weight, priority }) => ({
        value: scalarOrNull(value),
        key,
        weight,
        priority,
      })),
    ),
    metadata: readMetadata(feature.metadata),
    origin: undefined,
  }
}

/** Empty metadata is left out of results, as in the reference engine. */
function readMetadata(metadata: unknown): Record<string, unknown> | undefined {
  return isRecord(metadata) && Object.keys(metadata).length > 0 ? metadata : undefined
}
