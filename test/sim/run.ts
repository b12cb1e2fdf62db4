/** `npx tsx test/sim/run.ts --seed N [--seeds M] [--trace]`: replays one seed, or runs M from there on. */
import { parseArgs } from 'node:util'
import { Coverage } from './coverage.js'
import { simulate } from './simulator.js'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
})
const first = Number(values.seed)
const count = Number(values.seeds)
let steps = 0
const failed: number[] = []
const coverage = new Coverage()
const startedMs = performance.now()
for (let seed = first; seed < first + count; seed += 1) {
  const outcome = simulate(seed, { trace: values.trace })
  steps += outcome.steps
  coverage.add(outcome.coverage)
  for (const line of outcome.trace) console.log(line)
  if (outcome.violation === null) continue
  failed.push(seed)
  console.log(`seed ${seed}: ${outcome.violation}`)
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
console.log(coverage.text())
console.log(`${count} seeds, ${steps} steps, ${failed.length} failed, ${seconds} s`)
process.exitCode = failed.length === 0 ? 0 : 1
