import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigError, readConfig, settings } from './config.ts'

const dataDir = () => mkdtempSync(join(tmpdir(), 'halyard-config-'))

test('the README lists every setting with its default', () => {
  const rows = Object.entries(settings.shape).map(([name, schema]) => {
    const defaultValue = schema.safeParse(undefined).data
    return `| \`${name}\` | ${schema.description} | ${defaultValue === undefined ? '' : `\`${String(defaultValue)}\``} |`
  })
  const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(`|---|---|---|\n${rows.join('\n')}\n<!-- /settings -->`)
})

test('nothing set is the embedded database with the demo, and a secret key that only the owner may read', () => {
  const directory = dataDir()
  const config = readConfig({ DATA_DIR: directory })
  expect(config).toMatchObject({ port: 8000, host: '127.0.0.1', databaseUrl: undefined, demo: true })
  expect(statSync(join(directory, 'secret.key')).mode & 0o777).toBe(0o600)
  expect(readConfig({ DATA_DIR: directory }).secretKey).toBe(config.secretKey)
})

test('blank is unset', () => {
  expect(readConfig({ DATA_DIR: dataDir(), DATABASE_URL: '', PORT: '' })).toMatchObject({ databaseUrl: undefined, port: 8000 })
})

test('every wrong variable is named', () => {
  expect(() => readConfig({ PORT: 'eight', ADMIN_EMAIL: 'nobody', DATA_DIR: dataDir() })).toThrow(/PORT[\s\S]*ADMIN_EMAIL/)
})

test('a server database needs a secret key that all processes share', () => {
  expect(() => readConfig({ DATABASE_URL: 'postgres://db/halyard', DATA_DIR: dataDir() })).toThrow(ConfigError)
})

test('half an administrator is refused', () => {
  expect(() => readConfig({ ADMIN_EMAIL: 'ada@example.com', DATA_DIR: dataDir() })).toThrow(/ADMIN_PASSWORD/)
})
