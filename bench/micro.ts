/**
 * Microbenches (tinybench): steps of the core through the addon, the control codec, Spark's dialect and its Java streams, the
 * journal, metrics. What the core's steps cost without the machine's moods is counted by scripts/instructions.mjs.
 */
import { Bench } from 'tinybench'
import type { Figure } from './figures.js'
import { addControl } from './micro/control.js'
import { addCore } from './micro/core.js'
import { addDialect } from './micro/dialect.js'
import { addJournal } from './micro/journal.js'
import { addMetrics } from './micro/metrics.js'

const TIME_MS = 300

/** @throws Error when one of them fails, with its name */
export async function micro(): Promise<Figure[]> {
  const bench = new Bench({ time: TIME_MS, warmupTime: TIME_MS / 3 })
  addCore(bench)
  addControl(bench)
  addDialect(bench)
  const end = addMetrics(bench)
  const close = await addJournal(bench)
  try {
    await bench.run()
  } finally {
    await close()
    end()
  }
  return bench.tasks.map(({ name, result }) => {
    if (result.state !== 'completed')
      throw new Error(`${name} did not complete: ${result.state}`, {
        cause: 'error' in result ? result.error : undefined,
      })
    const { latency } = result
    return {
      name,
      value: latency.p50 * 1000,
      unit: 'us',
      note: `p99 ${(latency.p99 * 1000).toFixed(1)} us, ${latency.samplesCount.toLocaleString('en')} samples`,
    }
  })
}
