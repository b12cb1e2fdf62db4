/** The journal, each commit on disk before the next begins. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bench } from 'tinybench'
import type { StoreChange } from '../../src/store/engine.js'
import { Journal } from '../../src/store/journal.js'

const RECORD_BYTES = 700
const KEPT = 1000

function registrations(count: number): StoreChange[] {
  const record = Buffer.alloc(RECORD_BYTES, 'worker-20261121-10.0.0.1-7000;')
  return Array.from({ length: count }, (_, at) => ({ key: `worker_worker-${at}`, record }))
}

/** @returns what is to be called when the bench is over */
export async function addJournal(bench: Bench): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'magneto-micro-'))
  const written = new Journal(join(folder, 'written'))
  await written.open()
  for (const count of [1, 100]) {
    const changes = registrations(count)
    bench.add(`journal: a commit of ${count} records`, () => written.commit(changes))
  }
  const kept = join(folder, 'kept')
  const before = new Journal(kept)
  await before.open()
  await before.commit(registrations(KEPT))
  await before.close()
  bench.add(`journal: open and read ${KEPT} records`, async () => {
    const journal = new Journal(kept)
    const { records } = await journal.open()
    await journal.close()
    if (records.length !== KEPT) throw new Error(`${records.length} records came back`)
  })
  return async () => {
    await written.close()
    await rm(folder, { recursive: true, force: true })
  }
}
