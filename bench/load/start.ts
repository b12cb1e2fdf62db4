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
/** What is resident is read when the master has been ready for so long, */
const settleMs = 1_000
/** and when nobody has asked it for anything for so long: V8 gives back what a start has left after some 8 s. */
const restMs = 25_000
const restingRuns = 3

interface Start {
  readonly portMs: number
  readonly pageMs: number
  readonly cpuSeconds: number
  readonly readyMb: number
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
  await delay(settleMs)
  return { portMs, pageMs, cpuSeconds, readyMb: residentMb(pid) }
}

function residentMb(pid: number): number {
  return residentBytes(pid) / 1e6
}

/** @returns what is resident of an idle master in MB */
async function rest(master: MasterProcess): Promise<number> {
  await leads(master.underTest)
  await delay(restMs)
  return residentMb(master.underTest.pid)
}

/** @param use of a new master, which is killed then */
async function withMaster<T>(kind: Kind, use: (master: MasterProcess) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-bench-start-'))
  try {
    const seat = await takeSeat(kind, folder, [])
    const master = seat.start()
    try {
      return await use(master)
    } finally {
      await master.kill()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function figureOf(
  name: string,
  unit: string,
  values: Readonly<Record<Kind, readonly number[]>>,
  note: string,
  atMost: number | null,
): Figure {
  const ours = spreadOf(values.magneto)
  return {
    name: `start: ${name}`,
    value: ours.value,
    unit,
    note: `bin/magneto master beside bin/spark-class, ${note}`,
    spread: ours,
    ...(values.apache.length > 0 && { apache: spreadOf(values.apache) }),
    ...(atMost !== null && { aim: { atMost } }),
  }
}

/** @param kinds in whose turns it goes, ours first */
export async function starts(kinds: readonly Kind[], runs: number): Promise<Figure[]> {
  const found: Record<Kind, Start[]> = { magneto: [], apache: [] }
  for (let run = 0; run < runs; run += 1)
    for (const kind of kinds) found[kind].push(await withMaster(kind, start))
  const resting = async (kind: Kind): Promise<number[]> =>
    kinds.includes(kind)
      ? Promise.all(Array.from({ length: restingRuns }, () => withMaster(kind, rest)))
      : []
  const [idle, idleOfApache] = await Promise.all([resting('magneto'), resting('apache')])
  const started = (name: string, part: keyof Start, unit: string, atMost: number | null): Figure =>
    figureOf(
      name,
      unit,
      {
        magneto: found.magneto.map((each) => each[part]),
        apache: found.apache.map((each) => each[part]),
      },
      `${runs} runs; since the process was started`,
      atMost,
    )
  return [
    started('the port is open', 'portMs', 'ms', null),
    started('/json answers and says ALIVE', 'pageMs', 'ms', 500),
    started('processor time until then', 'cpuSeconds', 's', null),
    started(`memory ${settleMs / 1000} s later`, 'readyMb', 'MB', null),
    figureOf(
      'memory, idle',
      'MB',
      { magneto: idle, apache: idleOfApache },
      `${restingRuns} that rest for ${restMs / 1000} s`,
      100,
    ),
  ]
}
