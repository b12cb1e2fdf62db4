import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: files that start processes would starve each other.
    maxWorkers: 2,
    testTimeout: 30_000,
    // What is waited for comes late on a busy machine, and that is no failure.
    expect: { poll: { timeout: 20_000 } },
    // What a test expects of the log it reads itself; the rest would only hide failures.
    env: { MAGNETO_LOG_LEVEL: 'fatal' },
  },
})
