import { type CompiledEnvironment, compile, type Identity } from '@halyard/engine'
import type { Contestant } from './contestant.ts'
import { environmentDocumentOf } from './environment-document.ts'
import type { Scenario } from './scenario.ts'

export interface Halyard extends Contestant {
  explain(identity: number): unknown
}

export function startHalyard(scenario: Scenario): Halyard {
  const environment: CompiledEnvironment = compile(environmentDocumentOf(scenario))
  if (environment.problems.length > 0) throw new Error(`The scenario has malformed conditions: ${environment.problems[0]?.reason}`)
  const identities = scenario.identities.map(({ identifier, traits }): Identity => ({ identifier, traits: { ...traits } }))
  const nobody: Identity = {}
  const identityAt = (identity: number) => identities[identity] ?? nobody
  return {
    name: 'Halyard',
    note: 'compiled environment',
    isAwaited: false,
    allFlags: (identity) => environment.flagsFor(identityAt(identity)),
    oneFlag: (identity, flag) => environment.flagFor(identityAt(identity), flag),
    explain: (identity) => environment.explain(identityAt(identity)),
    namesOn: (identity) =>
      environment
        .flagsFor(identityAt(identity))
        .filter(({ enabled }) => enabled)
        .map(({ name }) => name),
    isOn: (identity, flag) => environment.flagFor(identityAt(identity), flag)?.enabled === true,
  }
}
