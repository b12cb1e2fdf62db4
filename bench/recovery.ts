/**
 * A master that starts again on its FILESYSTEM store, with thousands of peers that answer at once; and registrations
 * that are on disk before they are answered, which is how the store is filled.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Figure, median } from './figures.js'
import { type MasterProcess, MasterSeat } from './masters.js'
import { FleetProcess } from './recovery-fleet.js'
import { Fleet, linkAll, nowMs, allRegistered } from './recovery-peers.js'

const workers = 10_000
const applications = 1_000
/** More than any worker has: these applications wait for good. */
const executorCores = 2
const rounds = 5
const withinMs = 60_000
const listens = /^master at spark:/
const leads = /^leads with epoch /
const recovered = /^recovery is complete: /

/** User and system, of this process: what the peers cost. */
function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

interface Registering {
  readonly perSecond: number
  /** Of the master and of its peers, us for each worker. */
  readonly cpuUs: number
  readonly peersCpuUs: number
}

/** Each peer has a link; all of them register at once. @param before what else happens once they have */
async function registrations(
  master: MasterProcess,
  seat: MasterSeat,
  peers: Fleet,
): Promise<Registering> {
  await linkAll(peers.workers, seat.control, false)
  const before = { cpu: master.cpuSeconds(), own: ownCpuSeconds(), at: nowMs() }
  for (const worker of peers.workers) worker.introduceAll()
  await until('all are registered', () => allRegistered(peers.workers))
  const seconds = (nowMs() - before.at) / 1000
  const each = 1e6 / workers
  return {
    perSecond: workers / seconds,
    cpuUs: (master.cpuSeconds() - before.cpu) * each,
    peersCpuUs: (ownCpuSeconds() - before.own) * each,
  }
}

/** ms since the process was started, but for the processor time, in seconds. */
interface Restart {
  readonly listening: number
  readonly leading: number
  readonly linked: number
  readonly alive: number
  readonly all: number
  readonly masterCpu: number
  readonly peersCpu: number
}

async function restart(seat: MasterSeat, fleet: FleetProcess): Promise<[MasterProcess, Restart]> {
  const own = ownCpuSeconds()
  const master = seat.start()
  await answers(seat.url)
  const played = await fleet.play(seat.control)
  const alive = await master.said(recovered)
  const since = (atMs: number) => atMs - master.startedMs
  return [
    master,
    {
      listening: since((await master.said(listens)).atMs),
      leading: since((await master.said(leads)).atMs),
      linked: since(played.linkedMs),
      alive: since(alive.atMs),
      all: since(played.registeredMs),
      masterCpu: master.cpuSeconds(),
      peersCpu: played.cpuSeconds + ownCpuSeconds() - own,
    },
  ]
}

/** Returns when the master says where its control link is, which is what peers ask for first. */
async function answers(masterUrl: string): Promise<void> {
  const url = `${masterUrl.replace('spark:', 'http:')}/control`
  const asked = () =>
    fetch(url).then(
      (answer) => answer.ok,
      () => false,
    )
  while (!(await asked())) await new Promise((done) => setTimeout(done, 5))
}

/** Looks often, and lets messages in meanwhile. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = nowMs() + withinMs
  while (!holds()) {
    if (nowMs() > deadline) throw new Error(`waited ${withinMs} ms for: ${what}`)
    await new Promise((done) => setTimeout(done, 2))
  }
}

function registrationFigures(mode: string, found: readonly Registering[]): Figure[] {
  const of = (part: keyof Registering) => median(found.map((each) => each[part]))
  return [
    {
      name: `worker registrations, ${mode}`,
      value: of('perSecond'),
      unit: '1/s',
      note: `${workers} over links that are open, all at once, until the last answer; the peers take ${of('peersCpuUs').toFixed(0)} us each of the same 2 cores`,
    },
    {
      name: `processor time of the master for one, ${mode}`,
      value: of('cpuUs'),
      unit: 'us',
      note: `all threads of the process; median of ${found.length}`,
    },
  ]
}

function restartFigures(found: readonly Restart[]): Figure[] {
  const of = (part: keyof Restart) => median(found.map((each) => each[part]))
  const figure = (name: string, part: keyof Restart, unit: string, note: string): Figure => ({
    name: `restart on FILESYSTEM: ${name}`,
    value: of(part),
    unit,
    note: `${workers} workers, ${applications} applications; median of ${found.length}; ${note}`,
  })
  return [
    figure('all ports listen', 'listening', 'ms', 'since the process was started, as all below'),
    figure('it leads', 'leading', 'ms', 'records read and given to the core'),
    figure('every peer has a link', 'linked', 'ms', 'peers that dial at once, from one process'),
    figure('ALIVE', 'alive', 'ms', 'every peer has answered MasterChanged'),
    figure('every peer has heard so', 'all', 'ms', 'WorkerRegistered and ApplicationRegistered'),
    figure('processor time of the master', 'masterCpu', 's', 'from its start to the end'),
    figure(
      'processor time of the peers',
      'peersCpu',
      's',
      'and of reading the log, on the same 2 cores',
    ),
  ]
}

export async function recovery(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-bench-recovery-'))
  const store = join(folder, 'store')
  const modes = { NONE: [], FILESYSTEM: [`spark.deploy.recoveryDirectory ${store}`] }
  const registering: Record<keyof typeof modes, Registering[]> = { NONE: [], FILESYSTEM: [] }
  const restarts: Restart[] = []
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const mode of ['NONE', 'FILESYSTEM'] as const) {
        rmSync(store, { recursive: true, force: true })
        const properties = [`spark.deploy.recoveryMode ${mode}`, ...modes[mode]]
        const seat = await MasterSeat.take(folder, mode, properties)
        const master = seat.start()
        const peers = new Fleet({ workers, applications, executorCores })
        const running: { kill(): Promise<void> }[] = [master]
        try {
          await master.said(listens)
          registering[mode].push(await registrations(master, seat, peers))
          if (mode === 'NONE') continue
          await linkAll(peers.applications, seat.control)
          await until('all are registered', () => allRegistered(peers.peers))
          for (const worker of peers.workers) worker.prepare()
          await master.kill()
          await until('all have noticed', () => peers.peers.every(({ links }) => links === 0))
          const fleet = await FleetProcess.start(peers.peers, join(folder, 'fleet'))
          running.push(fleet)
          const [next, times] = await restart(seat, fleet)
          running.push(next)
          restarts.push(times)
        } finally {
          peers.leave()
          for (const each of running) await each.kill()
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return [
    ...registrationFigures('NONE', registering.NONE),
    ...registrationFigures('FILESYSTEM', registering.FILESYSTEM),
    ...restartFigures(restarts),
  ]
}

if (process.argv[1] === import.meta.filename) console.log(await recovery())
