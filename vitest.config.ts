import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Two cores: two workers, each file alone in its process because servers and agents are started for real.
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
          globalSetup: ['server/test/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['web/test/**/*.test.ts'],
          globalSetup: ['server/test/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
