import { performance } from 'node:perf_hooks'

/** Something to time. Turns count up for ever, so that a runner can ask something else every time. */
export interface Runner {
  readonly name: string
  readonly isAwaited: boolean
  evaluate(turn: number): unknown
}

/** Microseconds of one evaluation, by the name of the runner. */
export type Timings = ReadonlyMap<string, number>

interface Track {
  readonly runner: Runner
  readonly turnsPerRound: number
  turn: number
  readonly microseconds: number[]
}

// Shorter than the slice of time that a busy machine gives, so that most rounds are not interrupted.
const roundMilliseconds = 2
const warmUpMilliseconds = 150

/**
 * The median microseconds of one evaluation by each runner, over many short rounds. The runners take turns within every
 * round, so that whatever slows the machine down for a while slows all of them.
 */
export async function timeInterleaved(runners: readonly Runner[], rounds: number): Promise<Timings> {
  const tracks: Track[] = []
  for (const runner of runners) tracks.push({ runner, turnsPerRound: await warmUp(runner), turn: 0, microseconds: [] })
  for (let round = 0; round < rounds; round++) {
    for (const track of tracks) {
      track.microseconds.push((await timeTurns(track.runner, track.turn, track.turnsPerRound)) / track.turnsPerRound)
      track.turn += track.turnsPerRound
    }
  }
  return new Map(tracks.map(({ runner, microseconds }) => [runner.name, median(microseconds)]))
}

/** Runs until the code is optimised, and answers how many turns fill a round. */
async function warmUp(runner: Runner): Promise<number> {
  const end = performance.now() + warmUpMilliseconds
  let turns = 1
  // The fastest that was seen, because one interruption would otherwise make every round too short to time.
  let microsecondsPerTurn = Infinity
  while (performance.now() < end) {
    microsecondsPerTurn = Math.min(microsecondsPerTurn, (await timeTurns(runner, 0, turns)) / turns)
    turns = Math.min(turns * 2, turnsFilling(roundMilliseconds, microsecondsPerTurn))
  }
  return turnsFilling(roundMilliseconds, microsecondsPerTurn)
}

function turnsFilling(milliseconds: number, microsecondsPerTurn: number): number {
  return Math.max(1, Math.round((milliseconds * 1000) / microsecondsPerTurn))
}

// Where answers go, so that no compiler can leave out making them.
const answers: { last: unknown } = { last: undefined }

async function timeTurns(runner: Runner, firstTurn: number, turns: number): Promise<number> {
  const start = performance.now()
  if (runner.isAwaited) await awaitTurns(runner, firstTurn, turns)
  else takeTurns(runner, firstTurn, turns)
  return (performance.now() - start) * 1000
}

function takeTurns(runner: Runner, firstTurn: number, turns: number): void {
  for (let turn = firstTurn; turn < firstTurn + turns; turn++) answers.last = runner.evaluate(turn)
}

async function awaitTurns(runner: Runner, firstTurn: number, turns: number): Promise<void> {
  for (let turn = firstTurn; turn < firstTurn + turns; turn++) answers.last = await runner.evaluate(turn)
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}
