/** From the start of a master's process to its port, and to its page, which says that it leads; and what it takes idle. */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Figure, spreadOf } from '../figures.js'
import { type Kind, type MasterProcess, takeSeat } from '../masters.js'
import { cpuSecondsWithChildren, residentBytes } from '../processes.js'
import { leads } from './duel.js'

const pollMs = 5
const withinMs = 120_000
/** What is resident is read when the master has rested for so long. */
const restMs = 1_000

interface Start {
  readonly portMs: number
  readonly pageMs: number
  readonly cpuSeconds: number
  readonly idleMb: number
}

function opens(host: string, port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      settle(true)
    })
    socket.once('error', () => settle(false))
  })
}

async function start(master: MasterProcess): Promise<Start> {
  const startedMs = performance.now()
  const { host, port, pid } = master.underTest
  while (!(await opens(host, port))) {
    if (performance.now() - startedMs > withinMs)
      throw new Error(`the port did not open within ${withinMs} ms; ${master.lastWords()}`)
    await delay(pollMs)
  }
  const portMs = performance.now() - startedMs
  await leads(master.underTest, pollMs)
  const pageMs = performance.now() - startedMs
  // Apache's script runs a JVM before that of the master.
  const cpuSeconds = cpuSecondsWithChildren(pid)
  await delay(restMs)
  return { portMs, pageMs, cpuSeconds, idleMb: residentBytes(pid) / 1e6 }
}

async function startAndStop(kind: Kind): Promise<Start> {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-bench-start-'))
  try {
    const seat = await takeSeat(kind, folder, [])
    const master = seat.start()
    try {
      return await start(master)
    } finally {
      await master.kill()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param kinds in whose turns it goes, ours first */
export async function starts(kinds: readonly Kind[], runs: number): Promise<Figure[]> {
  const found: Record<Kind, Start[]> = { magneto: [], apache: [] }
  for (let run = 0; run < runs; run += 1)
    for (const kind of kinds) found[kind].push(await startAndStop(kind))
  const figure = (name: string, part: keyof Start, unit: string, atMost: number | null): Figure => {
    const ours = spreadOf(found.magneto.map((each) => each[part]))
    const others = found.apache.map((each) => each[part])
    return {
      name: `start: ${name}`,
      value: ours.value,
      unit,
      note: `bin/magneto master beside bin/spark-class, ${runs} runs; since the process was started`,
      spread: ours,
      ...(others.length > 0 && { apache: spreadOf(others) }),
      ...(atMost !== null && { aim: { atMost } }),
    }
  }
  return [
    figure('the port is open', 'portMs', 'ms', null),
    figure('/json answers and says ALIVE', 'pageMs', 'ms', 500),
    figure('processor time until then', 'cpuSeconds', 's', null),
    figure('memory, idle', 'idleMb', 'MB', 100),
  ]
}
