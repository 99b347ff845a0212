import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { fileRoles, machinery, otherFiles, portable, serverFloors, workspaces } from './floors.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const linesMax = 300

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.js', '*.tsx'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => /^(packages|apps|tools|bench)\//.test(file))
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
const isTest = (file: string) => /\.test\.ts$|\/testing\//.test(file)
const isGenerated = (file: string) => file.endsWith('/runtime/tables.ts')
const sources = files.filter(({ file }) => !isTest(file) && !isGenerated(file))

const importsOf = (text: string) =>
  [...text.matchAll(/^(?:import|export)\b[^'"]*?from '([^']+)'|^import '([^']+)'/gm)].map((match) => match[1] ?? match[2] ?? '')
const packageOf = (specifier: string) =>
  (specifier.startsWith('@') ? specifier.split('/').slice(0, 2) : specifier.split('/').slice(0, 1)).join('/')

describe('files', () => {
  test('are found at all', () => expect(sources.length).toBeGreaterThan(100))

  test(`hold one idea: at most ${linesMax} lines`, () => {
    const long = sources.map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 })).filter(({ lines }) => lines > linesMax)
    expect(long).toEqual([])
  })

  test('have names that say something', () => {
    const vague = files.filter(({ file }) => /\b(utils?|helpers?|common|misc|shared|constants|services)\b|-(store|manager)\.ts$/.test(file))
    expect(vague.map(({ file }) => file)).toEqual([])
  })

  test('leave no unfinished business', () => {
    const unfinished = files.filter(
      ({ file, text }) =>
        !file.includes('/tidy/') && /\b(TODO|FIXME|XXX)\b|@ts-(ignore|nocheck)|\b(test|describe|it)\.(skip|only|todo)\b/.test(text),
    )
    expect(unfinished.map(({ file }) => file)).toEqual([])
  })

  test('read the environment in one place', () => {
    const readers = sources.filter(({ file, text }) => text.includes('process.env') && file !== 'apps/server/src/runtime/config.ts')
    expect(readers.map(({ file }) => file)).toEqual([])
  })

  test('take the time and chance from whoever calls them', () => {
    const takers = sources.filter(
      ({ file, text }) =>
        !/^(bench|tools)\//.test(file) && !file.startsWith('apps/server/src/runtime/') && /\bDate\.now\(\)|Math\.random\(\)/.test(text),
    )
    expect(takers.map(({ file }) => file)).toEqual([])
  })
})

describe('workspaces import only downwards', () => {
  for (const [name, allowed] of Object.entries(workspaces)) {
    test(name, () => {
      const wrong = sources
        .filter(({ file }) => file.startsWith(`${allowed.folder}/src/`))
        .flatMap(({ file, text }) =>
          importsOf(text)
            .filter((specifier) => !isAllowed(specifier, name))
            .map((specifier) => `${file} imports ${specifier}`),
        )
      expect(wrong).toEqual([])
    })
  }
})

function isAllowed(specifier: string, name: string): boolean {
  const allowed = workspaces[name]
  if (specifier.startsWith('.')) return true
  if (specifier.startsWith('node:')) return !portable.includes(name)
  const wanted = packageOf(specifier)
  return wanted.startsWith('@halyard/')
    ? (allowed?.workspaces.includes(wanted.slice(9)) ?? false)
    : (allowed?.packages.includes(wanted) ?? false)
}

const serverRoot = 'apps/server/src'
const folderOf = (file: string) => {
  const path = relative(serverRoot, file)
  return path.includes('/') ? (path.split('/')[0] ?? '.') : '.'
}
const serverSources = sources.filter(({ file }) => file.startsWith(`${serverRoot}/`))

// An edit, or what to make edits with: before anybody asks (`control`), and beside another store (`means`, see `edits: 'own'`).
const firstParameters = ['edit', 'control', 'means', '{ inEdit']

describe('the server', () => {
  test('has only folders that the list of floors names', () => {
    const floors: readonly string[] = serverFloors
    expect(serverSources.filter(({ file }) => !floors.includes(folderOf(file))).map(({ file }) => file)).toEqual([])
  })

  test('imports only downwards', () => {
    const floors: readonly string[] = serverFloors
    const climbing = serverSources.flatMap(({ file, text }) =>
      importsOf(text)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => normalize(join(dirname(file), specifier)))
        .filter((target) => floors.indexOf(folderOf(target)) > floors.indexOf(folderOf(file)))
        .map((target) => `${file} imports ${target}`),
    )
    expect(climbing).toEqual([])
  })

  test('gives files of a noun one of the five roles, or a reason', () => {
    const roles: readonly string[] = fileRoles
    const others = serverSources
      .map(({ file }) => relative(serverRoot, file))
      .filter((path) => !machinery.includes(folderOf(`${serverRoot}/${path}`)))
      .filter((path) => !roles.includes(path.replace(/^.*\/|\.ts$/g, '')) && !(path in otherFiles))
    expect(others).toEqual([])
  })

  test('begins every exported command with an edit', () => {
    const wrong = serverSources
      .filter(({ file }) => file.endsWith('/commands.ts'))
      .flatMap(({ file, text }) =>
        [...text.matchAll(/^export (?:async )?function (\w+)\(\s*([^,):]*)/gm)].map(([, name, first]) => ({ file, name, first })),
      )
      .filter(({ first = '' }) => !firstParameters.includes(first))
    expect(wrong).toEqual([])
  })
})
