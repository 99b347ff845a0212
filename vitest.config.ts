import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Workspaces are tested from their sources. Exactly these two conditions: adding `import` or `module` breaks `pg` and OpenTelemetry.
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tools/src/**/*.test.ts'],
    reporters: ['default', './tools/closing-line.ts'],
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: ['apps/server/src/testing/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
