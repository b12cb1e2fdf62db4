/**
 * A master process without a core, over a real ensemble: for tests that kill and halt it. Says `lead` when it leads with
 * what it was asked to write; commits what it is told, and says what came of it; and tells of the first turn after a
 * pause whether it then took itself for a leader.
 */
import { TestMaster, put } from './zookeeper-node.js'

const PAUSE_MS = 1_000
const TICK_MS = 10

const { ZOOKEEPER_URL: url = '', RECORDS: records = '0' } = process.env
const master = new TestMaster('child', url)

function say(message: object): void {
  process.send?.(message)
}

await master.start()
await master.leads()
for (let next = 0; next < Number(records); next += 500) {
  const count = Math.min(500, Number(records) - next)
  const batch = Array.from({ length: count }, (_, at) =>
    put(`worker_${next + at}`, 'w'.repeat(700)),
  )
  await master.recovery.commit(batch)
}
let lastMs = performance.now()
setInterval(() => {
  const nowMs = performance.now()
  if (nowMs - lastMs > PAUSE_MS) say({ kind: 'woke', certain: master.recovery.certain() })
  lastMs = nowMs
}, TICK_MS)
process.on('message', (key: string) => {
  master.recovery.commit([put(key, 'of the child')]).then(
    () => say({ kind: 'written', key }),
    (error: Error) => say({ kind: 'refused', key, reason: error.message }),
  )
})
// The first of these may come within the turn that noticed the pause; they are said in order.
setInterval(() => {
  for (const heard of master.heard.splice(0)) if (heard.kind !== 'lead') say({ kind: heard.kind })
}, TICK_MS)
say({ kind: 'lead' })
