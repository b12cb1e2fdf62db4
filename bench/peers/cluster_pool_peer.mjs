// The works of peer.ts through ClusterPool, on so many executors of one core of the cluster at MAGNETO_MASTER.
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ClusterPool } from '../../dist/src/app/index.js'
import { serve } from './measured.mjs'

const executors = Number(process.argv[2])
const pool = new ClusterPool({
  filename: fileURLToPath(new URL('../fixtures/tasks.mjs', import.meta.url)),
  executorCores: 1,
  executorMemory: '256m',
  maxCores: executors,
})
while (pool.executors.length < executors) await once(pool, 'executorAdded')
await serve((task, name) => pool.run(task, { name }))
await pool.destroy()
