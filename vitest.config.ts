import { defineConfig } from 'vitest/config'

/** They need modules of their own: one registers the tests of others once more. */
const ALONE = ['server/test/agents/over-polling.test.ts']

export default defineConfig({
  test: {
    // Two cores: two workers.
    maxWorkers: 2,
    ...(process.env['CI'] && {
      reporters: ['default', ['json', { outputFile: 'test-results/vitest.json' }]] as const,
    }),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['contract', 'agent', 'cli', 'web']
            .map((part) => `${part}/src/**/*.test.ts`)
            .concat('agent/test/**/*.test.ts', 'scripts/**/*.test.ts'),
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'server',
          include: ['server/src/**/*.test.ts', 'server/test/**/*.test.ts'],
          exclude: ALONE,
          // The server keeps nothing in its modules, so its files share a process: loading it anew for each took half of the time.
          isolate: false,
          globalSetup: ['server/test/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'server alone',
          include: ALONE,
          globalSetup: ['server/test/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['web/test/**/*.test.ts'],
          expect: { poll: { timeout: 20_000 } },
          globalSetup: ['server/test/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
