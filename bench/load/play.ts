/**
 * One scenario against one master that runs already: `npx tsx bench/load/play.ts --scenario NAME --port P --webui-port U
 * --pid PID [--kind apache] [--workers N] [--concurrency N] [--operations N] [--waiting N] [--runs N]`.
 */
import { parseArgs } from 'node:util'
import { cpuSeconds } from '../processes.js'
import { heardCounts } from './peers/link.js'
import { scenarios } from './scenarios/index.js'
import type { MasterUnderTest, Observed, Scenario } from './scenario.js'

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'ask-one' },
    kind: { type: 'string', default: 'magneto' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '7077' },
    'webui-port': { type: 'string', default: '8080' },
    pid: { type: 'string', default: '0' },
    workers: { type: 'string', default: '1000' },
    concurrency: { type: 'string', default: '1' },
    operations: { type: 'string', default: '1000' },
    waiting: { type: 'string', default: '100' },
    runs: { type: 'string', default: '3' },
  },
})

function percentile(sorted: Float64Array, share: number): string {
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * share))
  return (sorted[at] ?? 0).toFixed(3)
}

function describe(observed: Observed, masterS: number, ownS: number): string {
  const { operations, seconds, latenciesMs, moments } = observed
  const parts = [
    `${operations} operations in ${seconds.toFixed(3)} s (${(operations / seconds).toFixed(0)}/s)`,
    `master ${((masterS / operations) * 1e6).toFixed(1)} us CPU each (${masterS.toFixed(2)} s)`,
    `generator ${((ownS / operations) * 1e6).toFixed(1)} us`,
  ]
  if (latenciesMs !== undefined) {
    const sorted = latenciesMs.toSorted()
    const shares = [0.5, 0.99, 0.999].map((share) => `p${share * 100} ${percentile(sorted, share)}`)
    parts.push(`${shares.join(', ')} ms`)
  }
  for (const [name, ms] of Object.entries(moments ?? {})) parts.push(`${name} ${ms.toFixed(1)}`)
  return parts.join('; ')
}

async function main(): Promise<void> {
  const make = (scenarios as Record<string, () => Scenario>)[values.scenario]
  if (make === undefined)
    throw new Error(
      `no scenario ${values.scenario}; there are ${Object.keys(scenarios).join(', ')}`,
    )
  const scenario: Scenario = make()
  const master: MasterUnderTest = {
    kind: values.kind === 'apache' ? 'apache' : 'magneto',
    host: values.host,
    port: Number(values.port),
    webUiPort: Number(values['webui-port']),
    pid: Number(values.pid),
  }
  const size = {
    workers: Number(values.workers),
    concurrency: Number(values.concurrency),
    operations: Number(values.operations),
    waiting: Number(values.waiting),
  }
  try {
    await scenario.prepare(master, size)
    for (let run = 1; run <= Number(values.runs); run++) {
      if (run > 1) await scenario.reset?.()
      heardCounts.clear()
      const before = { master: cpuSeconds(master.pid), own: process.cpuUsage() }
      const observed = await scenario.run()
      const own = process.cpuUsage(before.own)
      const masterS = cpuSeconds(master.pid) - before.master
      console.log(describe(observed, masterS, (own.user + own.system) / 1e6))
      const heard = [...heardCounts].map(([kind, count]) => `${count} ${kind}`)
      if (heard.length > 0) console.log(`  heard ${heard.join(', ')}`)
    }
  } finally {
    await scenario.close()
  }
}

await main()
process.exit(0)
