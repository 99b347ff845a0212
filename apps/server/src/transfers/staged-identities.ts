import { exportedIdentity } from '@halyard/contract'
import { forgetIdentities } from '../deletions/purge-deleted.ts'
import { databaseUnavailable } from '../http/errors.ts'
import { createIdentityStore, type IdentityStore } from '../identities/remember-identity.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { reserveIds } from './ids.ts'
import type { Place } from './read-upload.ts'
import { problemsMax, type FileProblem } from './rules.ts'

/** Identities of an import, stored before their environments are there: nobody sees them until then. */
export class StagedIdentities {
  readonly problems: FileProblem[] = []
  readonly #runtime: Runtime
  readonly #store: IdentityStore
  readonly #isDryRun: boolean
  readonly #places = new Map<string, Place & { id: number; count: number }>()

  constructor(runtime: Runtime, isDryRun: boolean) {
    this.#runtime = runtime
    // One of its own: SDKs must not queue behind an import, and it may wait for longer than they.
    this.#store = createIdentityStore(runtime.identities, { ...runtime, deadlineMs: 60_000 })
    this.#isDryRun = isDryRun
  }

  async add(place: Place, identities: readonly unknown[]): Promise<void> {
    const at = await this.#open(place)
    const read = identities.map((identity) => exportedIdentity.safeParse(identity))
    for (const [index, { error }] of read.entries()) {
      const [issue] = error?.issues ?? []
      if (!issue || this.problems.length >= problemsMax) continue
      const path = ['projects', place.project, 'environments', place.environment, 'identities', at.count + index, ...issue.path]
      this.problems.push({ path: path.join('.'), message: issue.message })
    }
    at.count += identities.length
    if (this.#isDryRun || this.problems.length > 0) return
    const stored = await Promise.all(
      read.flatMap(({ data }) =>
        data
          ? [
              this.#store.rememberIdentity(
                { environmentId: at.id },
                { identifier: data.identifier, mode: 'persist', traits: new Map(Object.entries(data.traits)) },
              ),
            ]
          : [],
      ),
    )
    if (stored.some(({ degraded }) => degraded)) throw databaseUnavailable()
  }

  async #open(place: Place) {
    const key = `${place.project} ${place.environment}`
    const known = this.#places.get(key)
    if (known) return known
    const [id = 0] = this.#isDryRun ? [] : await reserveIds(this.#runtime.control.db, 'environments_id_seq', 1)
    const opened = { ...place, id, count: 0 }
    this.#places.set(key, opened)
    return opened
  }

  countOf = (place: Place): number => this.#places.get(`${place.project} ${place.environment}`)?.count ?? 0

  idsOf = (project: number): Map<number, number> =>
    new Map([...this.#places.values()].filter((each) => each.project === project).map(({ environment, id }) => [environment, id]))

  close = (): Promise<void> => this.#store.close()

  async forget(): Promise<void> {
    for (const { id } of this.#places.values()) if (id > 0) await forgetIdentities(this.#runtime.identities.db, { id })
  }
}
