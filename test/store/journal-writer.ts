/** A process that commits to a journal as fast as it can, and says after each commit which one it was. */
import { Journal } from '../../src/store/journal.js'

const [, , folder = '', first = '0'] = process.argv
const journal = new Journal(folder, { compactFromBytes: 20_000, codec: 'snappy' })
const { records } = await journal.open()
console.log(`opened ${records.length}`)
for (let round = Number(first); ; round += 1) {
  const record = Buffer.from(`${round} ${'x'.repeat(round % 1500)}`)
  const keys = [`a_${round % 7}`, `b_${round % 7}`]
  await journal.commit(keys.map((key) => ({ key, record })))
  // The next one waits until this is out: what stayed here for a slow reader would be lost with the process.
  await new Promise((written) => process.stdout.write(`committed ${round}\n`, written))
}
