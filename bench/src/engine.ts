import { countAgreements } from './engine/agreement.ts'
import type { Contestant } from './engine/contestant.ts'
import { startFlagd } from './engine/flagd.ts'
import { startFlagsmith, startFlagsmithEngine } from './engine/flagsmith.ts'
import { startGrowthBook } from './engine/growthbook.ts'
import { type Halyard, startHalyard } from './engine/halyard.ts'
import { describeFigures, describeScenario, type Figures } from './engine/report.ts'
import { type Runner, timeInterleaved } from './engine/rounds.ts'
import { buildScenario, type Scenario, targetedAt } from './engine/scenario.ts'
import { startUnleash } from './engine/unleash.ts'

// Our engine beside those of others, all in one process and on the same scenario. It reports and never fails on a timing:
// machines differ, and only the ratios mean something. The run does fail when a peer answers differently from us.

const sizes = [
  { flags: 100, segments: 20 },
  { flags: 1000, segments: 200 },
]
const rounds = 200

for (const { flags, segments } of sizes) await compareEngines(buildScenario(flags, segments))

async function compareEngines(scenario: Scenario): Promise<void> {
  const ours = startHalyard(scenario)
  const peers = [
    startFlagd(scenario),
    startGrowthBook(scenario),
    await startUnleash(scenario),
    await startFlagsmith(scenario),
    await startFlagsmithEngine(scenario),
  ]
  print(describeScenario(scenario))
  for (const peer of peers) {
    const answers = await countAgreements(ours, peer, scenario)
    print(`  ${peer.name} (${peer.note}) agrees in all ${answers} answers on or off`)
  }
  print('')
  print(describeFigures(await measure(ours, peers, scenario)))
  print('')
}

async function measure(ours: Halyard, peers: readonly Contestant[], scenario: Scenario): Promise<Figures> {
  const everybody = [ours, ...peers]
  const ring = scenario.identities.length
  const allFlags = everybody.map((each) => runnerOf(each, (turn) => each.allFlags(turn % ring)))
  const targetedFlag = everybody.map((each) => runnerOf(each, (turn) => each.oneFlag(turn % ring, targetedAt(scenario, turn))))
  const explain = [
    { name: 'all flags', isAwaited: false, evaluate: (turn: number) => ours.allFlags(turn % ring) },
    { name: 'everything', isAwaited: false, evaluate: (turn: number) => ours.explain(turn % ring) },
  ]
  const explained = await timeInterleaved(explain, rounds)
  return {
    ours: ours.name,
    allFlags: await timeInterleaved(allFlags, rounds),
    targetedFlag: await timeInterleaved(targetedFlag, rounds),
    explain: { allFlags: explained.get('all flags') ?? NaN, everything: explained.get('everything') ?? NaN },
  }
}

function runnerOf({ name, isAwaited }: Contestant, evaluate: Runner['evaluate']): Runner {
  return { name, isAwaited, evaluate }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
