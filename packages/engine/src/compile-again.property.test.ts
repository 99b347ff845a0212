import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compile } from './compile.ts'
import type { CompiledEnvironment, Identity } from './compiled-environment.ts'
import type { EnvironmentDocument } from './environment-document.ts'
import { anyDocument, anyIdentity, documentOf } from './testing/arbitraries.ts'

/** Revisions that share objects where they are equal, and may take parts of any earlier one up again. */
const anyRevisions = fc
  .tuple(fc.array(anyDocument, { minLength: 2, maxLength: 4 }), fc.array(fc.array(fc.nat(50), { maxLength: 12 }), { maxLength: 5 }))
  .map(([documents, picks]) => [documents[0] ?? documentOf({}), ...picks.map((picked) => mix(documents, picked))])

function mix(documents: readonly EnvironmentDocument[], picks: readonly number[]): EnvironmentDocument {
  const pick = <Part>(parts: readonly Part[]): Part[] => picks.flatMap((place) => parts.slice(place % (parts.length + 1), (place % 7) + 1))
  const states = documents.flatMap((document) => document.feature_states)
  const segments = documents.flatMap(({ project }) => project.segments)
  return documentOf({
    feature_states: pick(states),
    segments: [...new Map(pick(segments).map((segment) => [segment.id, { ...segment, feature_states: pick(states) }])).values()],
    identity_overrides: pick(documents.flatMap((document) => document.identity_overrides)),
  })
}

function everythingOf(compiled: CompiledEnvironment, identity: Identity) {
  return {
    document: compiled.document,
    problems: compiled.problems,
    environmentFlags: compiled.environmentFlags,
    flags: compiled.flagsFor(identity),
    single: compiled.environmentFlags.map(({ name }) => compiled.flagFor(identity, name)),
    segments: compiled.segmentsFor(identity),
    isInSegment: compiled.document.project.segments.map(({ id }) => compiled.isInSegment(identity, id)),
    explanation: compiled.explain(identity),
  }
}

test('what is compiled after a previous revision is what is compiled from nothing', () => {
  fc.assert(
    fc.property(anyRevisions, anyIdentity, (revisions, identity) => {
      let previous: CompiledEnvironment | undefined
      for (const revision of revisions) {
        const compiled = compile(revision, previous)
        deepStrictEqual(everythingOf(compiled, identity), everythingOf(compile(revision), identity))
        previous = compiled
      }
    }),
    { numRuns: 1000 },
  )
})

test('the revision before answers as it did, whatever was compiled after it', () => {
  fc.assert(
    fc.property(anyRevisions, anyIdentity, (revisions, identity) => {
      const compiled: CompiledEnvironment[] = []
      for (const revision of revisions) compiled.push(compile(revision, compiled.at(-1)))
      for (const each of compiled) deepStrictEqual(everythingOf(each, identity), everythingOf(compile(each.document), identity))
    }),
    { numRuns: 300 },
  )
})

const featureNamed = (name: string, id: number) => ({ id, name, type: 'STANDARD' as const })
const stateOf = (name: string, id: number, enabled: boolean) => ({
  feature: featureNamed(name, id),
  enabled,
  feature_state_value: null,
  featurestate_uuid: '',
  django_id: id,
  feature_segment: null,
  multivariate_feature_state_values: [],
})

test('flags of states that are the same objects are the same objects', () => {
  const [beta, gamma] = [stateOf('beta', 1, false), stateOf('gamma', 2, false)]
  const before = compile(documentOf({ feature_states: [beta, gamma] }))
  const after = compile(documentOf({ feature_states: [{ ...beta, enabled: true }, gamma] }), before)
  expect(after.environmentFlag('gamma')).toBe(before.environmentFlag('gamma'))
  expect(after.environmentFlag('beta')).not.toBe(before.environmentFlag('beta'))
  expect(after.environmentFlag('beta')?.enabled).toBe(true)
})

test('nothing is taken over from another environment', () => {
  const beta = stateOf('beta', 1, false)
  const before = compile(documentOf({ feature_states: [beta] }))
  const other = compile({ ...documentOf({ feature_states: [beta] }), id: 2 }, before)
  expect(other.environmentFlag('beta')).not.toBe(before.environmentFlag('beta'))
})

test('properties that no condition names any more do not pile up', () => {
  const segmentOn = (property: string) => ({
    id: 1,
    name: 'one',
    feature_states: [],
    rules: [{ type: 'ALL' as const, rules: [], conditions: [{ operator: 'EQUAL' as const, property_: property, value: 'a' }] }],
  })
  let compiled: CompiledEnvironment | undefined
  for (let edit = 0; edit < 500; edit += 1) {
    compiled = compile(documentOf({ segments: [segmentOn(`trait ${edit}`)] }), compiled)
    expect(compiled.isInSegment({ traits: { [`trait ${edit}`]: 'a' } }, 1)).toBe(true)
    expect(compiled.isInSegment({ traits: { [`trait ${edit - 1}`]: 'a' } }, 1)).toBe(false)
  }
})
