import { defineConfig } from 'vitest/config'
import LongestFirst from './test/longest-first.js'

// What most JVMs of the tests do is start: half the processor time of that is optimizing what hardly runs.
const shortLived = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores, and files of which many wait more than they compute; more would starve each other.
    maxWorkers: 3,
    // Of what is said to be concurrent.
    maxConcurrency: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes late on a busy machine, and that is no failure.
    expect: { poll: { timeout: 45_000 } },
    // What a test expects of the log it reads itself; the rest would only hide failures.
    env: { MAGNETO_LOG_LEVEL: 'fatal', JDK_JAVA_OPTIONS: shortLived },
  },
})
