import { compile, type CompiledEnvironment, type RuleDocument } from '@halyard/engine'

/** What is wrong with a pattern for names; undefined: nothing. Names know the dialect that segments know, so the engine says. */
export const whyNotPattern = (pattern: string): string | undefined => compilePattern(pattern).problems[0]?.reason

/** Whether a pattern matches the whole of a name. */
export const isWholeMatch = (pattern: string, name: string): boolean =>
  compilePattern(`(?:${pattern})\\Z`).isInSegment({ traits: { name } }, segmentId)

/** Finds a pattern anywhere in a text; for a text that is matched often, in linear time. */
export function createFinder(pattern: string): (text: string) => boolean {
  const compiled = compilePattern(`[\\s\\S]*?(?:${pattern})`)
  return (text) => compiled.isInSegment({ traits: { name: text } }, segmentId)
}

const segmentId = 1

const compilePattern = (pattern: string): CompiledEnvironment =>
  compileRules([{ type: 'ALL', rules: [], conditions: [{ operator: 'REGEX', property_: 'name', value: pattern }] }])

/** The smallest environment that asks some rules: one segment. */
export function compileRules(rules: RuleDocument[]): CompiledEnvironment {
  return compile({
    id: 1,
    api_key: '',
    name: '',
    updated_at: '1970-01-01T00:00:00Z',
    allow_client_traits: true,
    hide_sensitive_data: false,
    hide_disabled_flags: null,
    use_identity_composite_key_for_hashing: true,
    use_identity_overrides_in_local_eval: true,
    feature_states: [],
    identity_overrides: [],
    project: {
      id: 1,
      name: '',
      hide_disabled_flags: false,
      enable_realtime_updates: false,
      server_key_only_feature_ids: [],
      organisation: { id: 1, name: '', feature_analytics: false, stop_serving_flags: false, persist_trait_data: true },
      segments: [{ id: segmentId, name: '', rules, feature_states: [] }],
    },
  })
}
