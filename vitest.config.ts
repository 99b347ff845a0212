import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  // Workspaces are tested from their sources. Exactly these two conditions: adding `import` or `module` breaks `pg` and OpenTelemetry.
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tools/src/**/*.test.ts'],
    // They need a browser: see vitest.browser.config.ts.
    exclude: [...configDefaults.exclude, '**/*.browser.test.ts'],
    reporters: ['default', './tools/closing-line.ts'],
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: ['apps/server/src/testing/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
