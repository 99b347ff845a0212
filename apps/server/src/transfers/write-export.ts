import type { ProjectRow } from '../access/rows.ts'
import type { FileReply } from '../http/file-reply.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { readIdentities, readProject, type ReadProject } from './queries.ts'

export interface ExportOptions {
  readonly name: string
  readonly identities: boolean
}

/** An export as a file, written while it is read: one project at a time, and identities in batches. */
export function exportOf(runtime: Runtime, projects: readonly ProjectRow[], { name, identities }: ExportOptions): FileReply {
  async function* content(): AsyncGenerator<string> {
    yield '{"format":"halyard","version":1,"projects":['
    for (const [index, project] of projects.entries()) {
      if (index > 0) yield ','
      yield* writeProject(runtime, await readAtOnce(runtime, project), identities)
    }
    yield '\n]}\n'
  }
  return { name: `${name}.json`, type: 'application/octet-stream', content: content() }
}

// As it is at one moment, whatever is edited meanwhile.
const readAtOnce = (runtime: Runtime, project: ProjectRow): Promise<ReadProject> =>
  runtime.control.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute((tx) => readProject(tx, project))

async function* writeProject(runtime: Runtime, read: ReadProject, identities: boolean): AsyncGenerator<string> {
  const { environments, ...project } = read.project
  yield `\n${JSON.stringify(project).slice(0, -1)},"environments":[`
  for (const [index, environment] of environments.entries()) {
    yield `${index > 0 ? ',' : ''}\n${JSON.stringify(environment).slice(0, -1)}`
    const row = read.environments[index]
    if (identities && row) {
      let separator = ',"identities":[\n'
      for await (const batch of readIdentities(runtime.identities.db, row)) {
        yield separator + batch.map((identity) => JSON.stringify(identity)).join(',\n')
        separator = ',\n'
      }
      yield separator === ',\n' ? ']' : ''
    }
    yield '}'
  }
  yield ']}'
}
