// The works of peer.ts through piscina alone, on so many threads of this process.
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { serve } from './measured.mjs'

const threads = Number(process.argv[2])
const filename = fileURLToPath(new URL('../fixtures/tasks.mjs', import.meta.url))
const pool = new Piscina({ filename, minThreads: threads, maxThreads: threads })
await serve((task, name) => pool.run(task, { name }))
await pool.destroy()
