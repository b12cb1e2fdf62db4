/**
 * `npx tsx test/sim/run.ts --seed N [--seeds M] [--kind KIND] [--trace]`: replays one seed, or runs M from there on. KIND is lasting,
 * restarted or elected; without it each seed has one of them.
 */
import { parseArgs } from 'node:util'
import { Coverage } from './coverage.js'
import { simulate } from './simulator.js'
import { kindOf, type Kind } from './world.js'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    kind: { type: 'string' },
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
  const kind = (values.kind as Kind | undefined) ?? kindOf(seed)
  const outcome = simulate(seed, { kind, trace: values.trace })
  steps += outcome.steps
  coverage.add(outcome.coverage)
  for (const line of outcome.trace) console.log(line)
  if (outcome.violation === null) continue
  failed.push(seed)
  console.log(`seed ${seed} (--kind ${kind}): ${outcome.violation}`)
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
console.log(coverage.text())
console.log(`${count} seeds, ${steps} steps, ${failed.length} failed, ${seconds} s`)
process.exitCode = failed.length === 0 ? 0 : 1
