/** A Node driver on the cluster: throws darts in executors of its own, on the masters that its worker named. */
import { ClusterPool } from 'magneto'

const [task] = process.argv.slice(2)
const pool = new ClusterPool({
  name: 'e2e-node',
  filename: task,
  maxCores: 2,
  executorMemory: '128m',
})
// So many that the first two digits are the same each time.
const points = 1_000_000
const results = await Promise.all(Array.from({ length: 4 }, () => pool.run({ points })))
await pool.destroy()
const inside = results.reduce((sum, result) => sum + result.inside, 0)
console.log(`RESULT pi=${((4 * inside) / (4 * points)).toFixed(1)}`)
