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

/** @throws RangeError naming the option */
function wholeNumber(option: 'histories' | 'record' | 'seed'): number {
  const number = Number(values[option])
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new RangeError(`--${option} ${values[option]}: expected a whole number above 0`)
}

if (!values.tables && values.histories === undefined && values.record === undefined)
  throw new RangeError('say what to play: --tables, --histories COUNT or --record COUNT')
let faults = 0
if (values.tables) faults += await runTables()
if (values.histories !== undefined)
  faults += await runHistories(wholeNumber('histories'), wholeNumber('seed'))
if (values.record !== undefined) await record(wholeNumber('record'), wholeNumber('seed'))
process.exitCode = faults === 0 ? 0 : 1
