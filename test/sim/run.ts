/** `npx tsx test/sim/run.ts --seed N [--count M] [--trace]`: replays one seed, or runs M from there on. */
import { parseArgs } from 'node:util'
import { simulate } from './simulator.js'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
})
const first = Number(values.seed)
const count = Number(values.count)
let steps = 0
const failed: number[] = []
const sent = new Map<string, number>()
const startedMs = performance.now()
for (let seed = first; seed < first + count; seed += 1) {
  const outcome = simulate(seed, { trace: values.trace })
  steps += outcome.steps
  for (const [type, number] of outcome.sent) sent.set(type, (sent.get(type) ?? 0) + number)
  for (const line of outcome.trace) console.log(line)
  if (outcome.violation === null) continue
  failed.push(seed)
  console.log(`seed ${seed}: ${outcome.violation}`)
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
console.log([...sent].map(([type, number]) => `${type} ${number}`).join(', '))
console.log(`${count} seeds, ${steps} steps, ${failed.length} failed, ${seconds} s`)
process.exitCode = failed.length === 0 ? 0 : 1
