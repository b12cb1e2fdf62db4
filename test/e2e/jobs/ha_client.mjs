/**
 * A Node application that stays: for each line "TASKS MS" of its input it runs so many tasks, each of so many ms, and
 * prints the sum of their numbers. It ends with its input.
 */
import { createInterface } from 'node:readline'
import { ClusterPool } from 'magneto'

const [master, name] = process.argv.slice(2)
const pool = new ClusterPool({
  master,
  name,
  filename: new URL('ha_task.mjs', import.meta.url).href,
  maxCores: 2,
  executorCores: 1,
  executorMemory: '128m',
})
pool.on('warning', (warning) => console.error(warning))
for await (const line of createInterface({ input: process.stdin })) {
  const [tasks, ms] = line.split(' ').map(Number)
  const runs = Array.from({ length: tasks }, (_, number) => pool.run({ number, ms }))
  let sum = 0
  for (const run of runs) sum += await run
  console.log(`RESULT ${sum}`)
}
await pool.destroy()
