import { Flagsmith, type Flags } from 'flagsmith-nodejs'
import type { EnvironmentDocument } from '@halyard/engine'
import type { Contestant } from './contestant.ts'
import { environmentDocumentOf } from './environment-document.ts'
import type { Scenario } from './scenario.ts'

// The SDK has no way to evaluate one flag: it evaluates all of them and looks one up, and so does this benchmark.

/** `getIdentityFlags`, as a customer calls it: it maps the whole environment to a context again on every call. */
export async function startFlagsmith(scenario: Scenario): Promise<Contestant> {
  const sdk = await localSdk(environmentDocumentOf(scenario))
  const identities = scenario.identities.map(({ identifier, traits }) => ({ identifier, traits: { ...traits } }))
  const flagsOf = (identity: number): Promise<Flags> => {
    const { identifier, traits } = identities[identity] ?? { identifier: 'nobody' }
    return sdk.getIdentityFlags(identifier, traits)
  }
  return {
    name: 'flagsmith-nodejs',
    note: 'getIdentityFlags, local evaluation',
    isAwaited: true,
    allFlags: flagsOf,
    oneFlag: async (identity, flag) => (await flagsOf(identity)).getFlag(flag),
    namesOn: async (identity) => {
      const flags = await flagsOf(identity)
      return scenario.flags.map(({ name }) => name).filter((name) => flags.isFeatureEnabled(name))
    },
    isOn: async (identity, flag) => (await flagsOf(identity)).isFeatureEnabled(flag),
  }
}

async function localSdk(document: EnvironmentDocument): Promise<Flagsmith> {
  const sdk = new Flagsmith({
    environmentKey: 'ser.benchmark',
    enableLocalEvaluation: true,
    fetch: async () => Response.json(document),
  })
  await sdk.updateEnvironment()
  await sdk.close()
  return sdk
}

interface FlagsmithContext {
  identity?: { identifier: string; key: string; traits: object }
}

interface FlagsmithEngine {
  getEvaluationResult: (context: FlagsmithContext) => { flags: Record<string, { name: string; enabled: boolean }> }
}

interface FlagsmithModels {
  buildEnvironmentModel: (document: EnvironmentDocument) => unknown
}

interface FlagsmithMappers {
  getEvaluationContext: (model: unknown) => FlagsmithContext
}

/**
 * The best case: the SDK's engine with the environment mapped once for everybody, which the package does not export. Neither
 * the context, nor the SDK's own `Flags`, nor a promise is part of what is measured.
 */
export async function startFlagsmithEngine(scenario: Scenario): Promise<Contestant> {
  const { getEvaluationResult }: FlagsmithEngine = await import(internalModule('index.js'))
  const { buildEnvironmentModel }: FlagsmithModels = await import(internalModule('environments/util.js'))
  const { getEvaluationContext }: FlagsmithMappers = await import(internalModule('evaluation/evaluationContext/mappers.js'))
  const document = environmentDocumentOf(scenario)
  const environment = getEvaluationContext(buildEnvironmentModel(document))
  const contexts = scenario.identities.map(({ identifier, traits }) => ({
    ...environment,
    identity: { identifier, key: `${document.api_key}_${identifier}`, traits: { ...traits } },
  }))
  const flagsOf = (identity: number) => getEvaluationResult(contexts[identity] ?? environment).flags
  return {
    name: 'flagsmith-nodejs engine',
    note: 'context mapped once, not public',
    isAwaited: false,
    allFlags: flagsOf,
    oneFlag: (identity, flag) => flagsOf(identity)[flag],
    namesOn: (identity) =>
      Object.values(flagsOf(identity))
        .filter(({ enabled }) => enabled)
        .map(({ name }) => name),
    isOn: (identity, flag) => flagsOf(identity)[flag]?.enabled === true,
  }
}

function internalModule(path: string): string {
  return new URL(`flagsmith-engine/${path}`, import.meta.resolve('flagsmith-nodejs')).href
}
