/**
 * Plays the same at Apache's real Master and at our core, and shows where they differ.
 *
 *   npx tsx test/parity/run.ts --tables
 *   npx tsx test/parity/run.ts --histories 2000 [--seed N]
 *   npx tsx test/parity/run.ts --record 60 [--seed N]
 */
import { parseArgs } from 'node:util'
import { record } from './record.js'
import { runHistories } from './run-histories.js'
import { runTables } from './run-tables.js'

const { values } = parseArgs({
  options: {
    tables: { type: 'boolean', default: false },
    histories: { type: 'string' },
    record: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
})

let faults = 0
if (values.tables) faults += await runTables()
if (values.histories !== undefined)
  faults += await runHistories(Number(values.histories), Number(values.seed))
if (values.record !== undefined) await record(Number(values.record), Number(values.seed))
process.exitCode = faults === 0 ? 0 : 1
