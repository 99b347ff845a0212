import type { Timings } from './rounds.ts'
import type { Scenario } from './scenario.ts'

export interface Figures {
  readonly ours: string
  readonly allFlags: Timings
  readonly targetedFlag: Timings
  /** Of Halyard alone. */
  readonly explain: { readonly allFlags: number; readonly everything: number }
}

/** What we hold ourselves to, as a share of the fastest peer's time; for `explain`, of our own time for all flags. */
const goals = { allFlags: 0.4, targetedFlag: 0.6, explain: 3 } as const

export function describeScenario({ flags, segments, identities, targeted }: Scenario): string {
  const multivariate = flags.filter(({ weights }) => weights !== null).length
  return [
    `${flags.length} flags (${targeted.length} with a segment override, ${multivariate} multivariate), ${segments.length} segments,`,
    `${identities.length} identities in turn`,
  ].join(' ')
}

export function describeFigures({ ours, allFlags, targetedFlag, explain }: Figures): string {
  const explained = explain.everything / explain.allFlags
  return [
    row('median per evaluation', 'all flags', 'one targeted flag'),
    ...[...allFlags].map(([name, microseconds]) => row(name, inMicroseconds(microseconds), inMicroseconds(targetedFlag.get(name)))),
    '',
    verdict('all flags', besideBest(allFlags, ours), goals.allFlags),
    verdict('one targeted flag', besideBest(targetedFlag, ours), goals.targetedFlag),
    verdict(
      'explain everything',
      { ratio: explained, of: `our all flags (${inMicroseconds(explain.everything)} beside ${inMicroseconds(explain.allFlags)})` },
      goals.explain,
    ),
  ].join('\n')
}

interface Share {
  ratio: number
  of: string
}

function besideBest(timings: Timings, ours: string): Share {
  const peers = [...timings].filter(([name]) => name !== ours)
  const [best] = peers.toSorted(([, a], [, b]) => a - b)
  if (!best) throw new Error('There is no peer to compare with.')
  const [name, microseconds] = best
  return { ratio: (timings.get(ours) ?? NaN) / microseconds, of: name }
}

function verdict(measure: string, { ratio, of }: Share, goal: number): string {
  return `${measure.padEnd(20)}${ratio.toFixed(2)} × ${of}; goal ≤ ${goal} ×: ${ratio <= goal ? 'met' : 'not met'}`
}

function row(name: string, allFlags: string, targetedFlag: string): string {
  return name.padEnd(30) + allFlags.padStart(14) + targetedFlag.padStart(20)
}

function inMicroseconds(microseconds = NaN): string {
  return `${microseconds.toFixed(microseconds < 10 ? 2 : 1)} µs`
}
