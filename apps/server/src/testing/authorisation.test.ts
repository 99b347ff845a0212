import { api } from '@halyard/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyEndpoint, isRead, send, type Listed, type Request } from './matrix/endpoints.ts'
import { makeSiblingProject, makeTenant, type Fixture } from './matrix/fixture.ts'
import { makeCallers, makeGroupAdministrator, type Caller } from './oracle/callers.ts'
import { levelAsked, outcomeFor, sees, type Level, type Place, type Rule } from './oracle/decide.ts'
import { policy } from './oracle/policy.ts'
import { atPlace, isRehearsed, onlyRehearse, outcomeOf, fourAtOnce, tracesOfEnvironment, tracesOfProject } from './oracle/requests.ts'
import { startServer, type Answer, type TestServer } from './start-server.ts'

const every = ['own', 'sibling', 'other organisation'] as const

let server: TestServer
let places: Record<Place, Fixture>
let callers: Caller[]
const requests = new Map<string, Request>()

beforeAll(async () => {
  server = await startServer()
  const [home, other] = [await makeTenant(server), await makeTenant(server)]
  // Each with names that nothing else has.
  const [own, sibling, foreign] = [await makeSiblingProject(home), await makeSiblingProject(home), await makeSiblingProject(other)]
  places = { own, sibling, 'other organisation': foreign }
  const wanted = everyEndpoint.flatMap((listed) => placesFor(ruleFor(listed)).map((place) => ({ listed, place })))
  await fourAtOnce(wanted, async ({ listed, place }) => {
    requests.set(`${listed.name} at ${place}`, atPlace(places[place], listed, await listed.example(places[place])))
  })
  const groups = everyEndpoint.flatMap(({ name }) => (name.startsWith('groups.') ? [requestFor(name, 'own').params?.['group']] : []))
  callers = [
    ...(await makeCallers({ own, foreign })),
    await makeGroupAdministrator(
      own,
      groups.filter((group) => typeof group === 'number'),
    ),
  ]
  await onlyRehearse(server)
}, 300_000)
afterAll(() => server.close())

const unwritten: Rule = { who: 'ANYBODY' }
const ruleFor = ({ name }: Listed): Rule => policy.get(name) ?? unwritten

/** Projects of one organisation differ where it matters in which of them something is. */
function placesFor(rule: Rule): Place[] {
  const level = levelAsked(rule)
  if (level === undefined) return ['own']
  return level === 'organisation' ? ['own', 'other organisation'] : ['own', 'sibling', 'other organisation']
}

/**
 * Everybody at the place where they hold something; elsewhere, whoever would be let in there, and whoever holds everything or nothing.
 * Through groups and roles, where what is held through them opens the door.
 */
function callersFor(rule: Rule, place: Place): Caller[] {
  return callers.filter(({ standing, isIndirect }) => {
    if (standing.as === 'nobody') return true
    const isBroad = standing.holds.length !== 1 || standing.holds.includes('ORGANISATION_ADMIN')
    if (levelAsked(rule) === undefined) return isBroad && !isIndirect
    return (isBroad && !isIndirect) || (!isIndirect && place === 'own') || outcomeFor(standing, rule, 'own') === 'allowed'
  })
}

function requestFor(name: string, place: Place): Request {
  const request = requests.get(`${name} at ${place}`)
  if (!request) throw new Error(`There is no request of ${name} for the place “${place}”.`)
  return request
}

const ask = (listed: Listed, place: Place, authorization: string | undefined): Promise<Answer> =>
  send(places[place], listed, requestFor(listed.name, place), authorization)

test('every operation has a row in the policy, and every row is of an operation', () => {
  expect([...policy.keys()].toSorted()).toEqual(everyEndpoint.map(({ name }) => name).toSorted())
})

const guarded = everyEndpoint.filter((listed) => ruleFor(listed).who !== 'ANYBODY')
const inPlaces = guarded.filter((listed) => levelAsked(ruleFor(listed)) !== undefined)

test.each(everyEndpoint.filter((listed) => ruleFor(listed).who === 'ANYBODY'))('$name asks nobody who they are', async (listed) => {
  const { text } = await ask(listed, 'own', undefined)
  expect(text).not.toContain('Authentication credentials were not provided.')
})

// That versions are turned off needs them to be on, where other operations need them to be off.
const turnedOff = [api.versioning.disable]
test('every request that writes is one that an administrator may make, and would be recorded', async () => {
  const writes = inPlaces.filter(({ endpoint }) => !isRead(endpoint) && turnedOff.every((other) => other !== endpoint))
  const comparable = writes.filter((listed) => ruleFor(listed).isAboutOneself === undefined)
  const answers = await fourAtOnce(comparable, (listed) => ask(listed, 'own', places.own.authorization))
  expect(answers.flatMap((answer, index) => (isRehearsed(answer) ? [] : [`${comparable[index]?.name}: ${answer.text}`]))).toEqual([])
})

describe('what the policy says', () => {
  test.each(guarded)('of $name is who may', async (listed) => {
    const rule = ruleFor(listed)
    const tried = placesFor(rule).flatMap((place) => callersFor(rule, place).map((caller) => ({ place, caller })))
    const administrators = levelAsked(rule) === undefined || rule.isAboutOneself ? [] : placesFor(rule)
    const toAdministrators = new Map(
      await fourAtOnce(administrators, async (place) => [place, await ask(listed, place, places[place].authorization)] as const),
    )
    const answers = await fourAtOnce(tried, async ({ place, caller }) => {
      const answer = await ask(listed, place, caller.authorization)
      const said = `${place}: ${caller.name}: `
      return {
        outcome: said + outcomeOf(answer, toAdministrators.get(place)),
        expected: said + outcomeFor(caller.standing, rule, place),
        leaked:
          answer.status < 300 && rule.who !== 'VIEW_AUDIT_LOG'
            ? leaksTo(caller, answer, levelAsked(rule)).map((trace) => said + trace)
            : [],
      }
    })
    const wrong = answers.filter(({ outcome, expected }) => outcome !== expected)
    expect(wrong.map(({ outcome }) => outcome)).toEqual(wrong.map(({ expected }) => expected))
    expect(answers.flatMap(({ leaked }) => leaked)).toEqual([])
  })
})

/** Names and keys in an answer of places that the caller does not see. */
function leaksTo({ standing }: Caller, { text }: Answer, level: Level | undefined): string[] {
  // Whoever was let into an environment named it.
  const elsewhere = level === 'environment' ? every.filter((place) => place !== 'own') : every
  const traces = elsewhere.flatMap((place) => [
    ...(sees(standing, 'project', place) ? [] : tracesOfProject(places[place])),
    ...(sees(standing, 'environment', place) ? [] : tracesOfEnvironment(places[place])),
  ])
  return traces.filter((trace) => text.includes(trace))
}

test('lists hold exactly what the policy lets each caller see', async () => {
  const known = callers.filter(({ standing }) => standing.as !== 'nobody')
  const lists = await fourAtOnce(known, async ({ name, authorization = '', standing }) => {
    const shown = { caller: name, ...(await listFor(authorization, (level, place) => sees(standing, level, place))) }
    return shown
  })
  const expected = known.map(({ name, standing }) => {
    const seen = (level: 'organisation' | 'project' | 'environment') => every.filter((place) => sees(standing, level, place))
    const isAt = (place: Place, rule: Rule) => outcomeFor(standing, rule, place) === 'allowed'
    return {
      caller: name,
      organisations: seen('organisation'),
      projects: seen('project'),
      environments: seen('environment').filter((place) => sees(standing, 'project', place)),
      deletedEnvironments: every.filter((place) => isAt(place, { who: 'PROJECT_ADMIN' })),
      groups: every.filter((place) => isAt(place, { who: { either: ['MANAGE_USER_GROUPS', 'GROUP_ADMIN'] } })),
      done: every.filter((place) => isAt(place, { who: 'ORGANISATION_ADMIN' })),
    }
  })
  expect(lists).toEqual(expected)
})

/** The places that are in what somebody is listed. Lists of a place they do not see are refused, and those are not asked for. */
async function listFor(authorization: string, isSeen: (level: 'organisation' | 'project', place: Place) => boolean) {
  const as = <const Noun extends keyof typeof api>(noun: Noun) => server.as(authorization, api[noun])
  const organisations = (await as('organisations').list({ query: { page_size: 100 } })).results.map(({ id }) => id)
  const projects = (await as('projects').list({})).map(({ id }) => id)
  const where = async (level: 'organisation' | 'project', isListed: (at: Fixture) => Promise<boolean>): Promise<Place[]> => {
    const listed = await Promise.all(every.map(async (place) => isSeen(level, place) && isListed(places[place])))
    return every.filter((_, index) => listed[index])
  }
  return {
    organisations: every.filter((place) => organisations.includes(places[place].organisation.id)),
    projects: every.filter((place) => projects.includes(places[place].project.id)),
    environments: await where('project', async ({ project, environment }) => {
      const listed = await as('environments').listOfProject({ params: { project: project.id } })
      return listed.some(({ id }) => id === environment.id)
    }),
    deletedEnvironments: await where('project', async ({ project }) => {
      const deleted = await as('deletions').listOfProject({ params: { project: project.id }, query: { page_size: 100 } })
      return deleted.results.some(({ kind }) => kind === 'environment')
    }),
    groups: await where('organisation', async ({ organisation }) => {
      return (await as('groups').list({ params: { organisation: organisation.id } })).count > 0
    }),
    done: await where('organisation', async ({ project }) => (await as('audit').list({ query: { project: project.id } })).count > 0),
  }
}
