import { defineConfig } from 'vitest/config'

/** Clients in a real browser. They take Debian's Chromium and some seconds more than the other tests, so they are asked for by themselves. */
export default defineConfig({
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    include: ['apps/*/src/**/*.browser.test.ts'],
    reporters: ['default', './tools/closing-line.ts'],
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: ['apps/server/src/testing/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
