import type { Contestant } from './contestant.ts'
import { type Scenario, targetedAt } from './scenario.ts'

// Odd, so that the sample has all the mixtures of traits that the ring has.
const sampleStep = 5

/**
 * How many on-or-off answers of a peer were compared with ours; it throws at the first that differs, because then there is
 * nothing to compare. Which variant somebody gets is not looked at: everybody hashes differently.
 */
export async function countAgreements(ours: Contestant, peer: Contestant, scenario: Scenario): Promise<number> {
  let answers = 0
  for (let identity = 0; identity < scenario.identities.length; identity += sampleStep) {
    const expected = (await ours.namesOn(identity)).sort().join(' ')
    const actual = (await peer.namesOn(identity)).sort().join(' ')
    if (expected !== actual) throw new Error(`${peer.name} has other flags on for identity ${identity}: ${actual}\nHalyard: ${expected}`)
    const flag = targetedAt(scenario, identity)
    const isOn = await peer.isOn(identity, flag)
    if (isOn !== (await ours.isOn(identity, flag))) throw new Error(`${peer.name} answers ${isOn} for ${flag} of identity ${identity}.`)
    answers += scenario.flags.length + 1
  }
  return answers
}
