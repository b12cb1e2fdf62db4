/** A master under steady churn for long: does it need more memory, more processor, more time for the same work? */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Figure, quantile, rounded } from '../figures.js'
import { takeSeat } from '../masters.js'
import { leads } from './duel.js'
import { Generator } from './generator-process.js'
import type { ScenarioSize } from './scenario.js'
import { type Verdict, type Window, verdicts } from './verdict.js'

/** Applications that live at once, and that come in each window of 10 s. */
const size: ScenarioSize = { workers: 10_000, concurrency: 200, operations: 200, waiting: 0 }
const withinSeconds = 300
/** Not counted: what is needed once is needed by then. */
const settlingShare = 0.1

export interface SoakOptions {
  readonly minutes: number
  readonly scenario: string
}

/** The windows, and what is to be said of them. */
export interface Soaked {
  readonly figures: Figure[]
  /** Markdown: a row for each window. */
  readonly details: string
  readonly isFlat: boolean
}

async function windowsOf(generator: Generator, seconds: number): Promise<Window[]> {
  const windows: Window[] = []
  const startedMs = performance.now()
  for (;;) {
    const beganMs = performance.now()
    const { observed, masterCpuSeconds, residentAfter } = await generator.run()
    const endMs = performance.now()
    const latencies = observed.latenciesMs ?? []
    const window = {
      atSeconds: (endMs - startedMs) / 1000,
      residentMb: residentAfter / 1e6,
      cpuPercent: (masterCpuSeconds / ((endMs - beganMs) / 1000)) * 100,
      operations: observed.operations,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
    }
    windows.push(window)
    console.error(row(window))
    if (window.atSeconds >= seconds) return windows
  }
}

function row({ atSeconds, residentMb, cpuPercent, operations, p50Ms, p99Ms }: Window): string {
  const cells = [atSeconds, residentMb, cpuPercent, operations, p50Ms, p99Ms].map(rounded)
  return `| ${cells.join(' | ')} |`
}

const labels: Readonly<Record<Verdict['what'], { name: string; unit: string }>> = {
  residentMb: { name: 'resident memory', unit: 'MB' },
  cpuPercent: { name: 'processor time', unit: '% of a core' },
  p50Ms: { name: 'registered to ExecutorAdded, p50', unit: 'ms' },
  p99Ms: { name: 'registered to ExecutorAdded, p99', unit: 'ms' },
}

function figureOf({ what, first, last, perHour, allowed }: Verdict, windows: number): Figure {
  const { name, unit } = labels[what]
  return {
    name: `soak: ${name}, last third`,
    value: last,
    unit,
    note: `first third ${rounded(first)} ${unit}; ${perHour.toFixed(2)} ${unit} an hour; ${windows} windows of 10 s`,
    aim: { atMost: allowed },
  }
}

export async function soak({ minutes, scenario }: SoakOptions): Promise<Soaked> {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-bench-soak-'))
  const master = (await takeSeat('magneto', folder, [])).start()
  const generator = new Generator(scenario, withinSeconds * 1000)
  try {
    await leads(master.underTest)
    await generator.prepare(master.underTest, size)
    const all = await windowsOf(generator, minutes * 60)
    const windows = all.slice(Math.ceil(all.length * settlingShare))
    const found = verdicts(windows)
    return {
      figures: found.map((verdict) => figureOf(verdict, windows.length)),
      details: [
        '| s | resident, MB | CPU, % of a core | applications | p50, ms | p99, ms |',
        '|---|---|---|---|---|---|',
        ...all.map(row),
      ].join('\n'),
      isFlat: found.every(({ isFlat }) => isFlat),
    }
  } catch (error) {
    throw new Error(`${String(error)}; the master said: ${master.lastWords(3)}`, { cause: error })
  } finally {
    await generator.kill()
    await master.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}
