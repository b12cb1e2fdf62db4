/**
 * A master that starts again on its FILESYSTEM store, with thousands of peers that answer at once; and registrations
 * that are on disk before they are answered, which is how the store is filled.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../test/e2e/cluster.js'
import { type Figure, median } from './figures.js'
import { MasterSeat } from './recovery-master.js'
import { Fleet, nowMs } from './recovery-peers.js'

const workers = 10_000
const applications = 1_000
const rounds = 5

/** User and system, of this process: what the peers cost. */
function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** More than any worker has: these applications wait for good. */
const executorCores = 2

interface Registering {
  readonly perSecond: number
  readonly masterCpuUs: number
}

/** Opens a link for each worker, then lets all of them register at once. */
async function registrations(properties: readonly string[], folder: string): Promise<Registering> {
  const seat = await MasterSeat.take(folder, 'registering', properties)
  const master = seat.start()
  const peers = new Fleet({ workers, applications: 0, executorCores })
  try {
    await master.said(/^master at spark:/)
    await peers.link(seat.control, false)
    const before = { cpu: master.cpuSeconds(), at: nowMs() }
    peers.introduce()
    await until('all are registered', () => peers.registered())
    const seconds = (nowMs() - before.at) / 1000
    return {
      perSecond: workers / seconds,
      masterCpuUs: ((master.cpuSeconds() - before.cpu) / workers) * 1e6,
    }
  } finally {
    peers.leave()
    await master.kill()
  }
}

/** Looks once a turn of the loop, which messages come in: no pause of a timer is measured. */
async function until(what: string, holds: () => boolean, withinMs = 60_000): Promise<void> {
  const deadline = nowMs() + withinMs
  while (!holds()) {
    if (nowMs() > deadline) throw new Error(`waited ${withinMs} ms for: ${what}`)
    await new Promise((done) => setTimeout(done, 1))
  }
}

export async function recovery(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-bench-recovery-'))
  const stores = { NONE: [], FILESYSTEM: [`spark.deploy.recoveryDirectory ${folder}/store`] }
  const figures: Figure[] = []
  try {
    for (const [mode, more] of Object.entries(stores)) {
      const found: Registering[] = []
      for (let round = 0; round < rounds; round += 1) {
        rmSync(`${folder}/store`, { recursive: true, force: true })
        found.push(await registrations([`spark.deploy.recoveryMode ${mode}`, ...more], folder))
      }
      console.error(mode, found)
      figures.push({
        name: `worker registrations, ${mode}`,
        value: median(found.map(({ perSecond }) => perSecond)),
        unit: '1/s',
        note: `${workers} at once`,
      })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return figures
}

if (process.argv[1] === import.meta.filename) console.log(await recovery())
