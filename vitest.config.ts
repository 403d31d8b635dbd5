import { defineConfig } from 'vitest/config';

/** One command runs every level; `.unit`, `.int` (Postgres) and `.e2e` (Temporal and Postgres) in a file's name select by level. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: more forks would only make every timing worse.
    maxWorkers: 2,
    pool: 'forks',
    reporters: ['default', './test/support/count-reporter.ts'],
  },
});
