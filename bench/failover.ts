/**
 * From the death of the leader to the first new placement: masters in processes of their own over real ZooKeeper
 * servers, a warm standby, a thousand simulated workers with links to both, and an application that waits for a core.
 * A core comes free while nobody leads, so that the next leader has something to place.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../test/e2e/cluster.js'
import { Ensemble } from '../test/zookeeper/ensemble.js'
import { type Figure, quantile } from './figures.js'
import { type MasterProcess, MasterSeat } from './masters.js'
import {
  Fleet,
  linkAll,
  nowMs,
  allRegistered,
  type SimulatedApplication,
} from './recovery-peers.js'

const workers = 1_000
const killedRounds = Number(process.env['BENCH_FAILOVER_ROUNDS'] ?? 100)
const silentRounds = Math.ceil(killedRounds / 10)
const withinMs = 60_000

interface Round {
  /** All in ms since the leader was killed or halted. */
  readonly elected: number
  readonly firstTold: number
  readonly allTold: number
  readonly placed: number
  readonly allConfirmed: number
}

interface Running {
  readonly seat: MasterSeat
  readonly process: MasterProcess
}

class Failover {
  readonly #fleet: Fleet
  #leader: Running
  #standby: Running
  /** What the peers have heard since the leader was lost. */
  #told: number[] = []
  #confirmed: number[] = []
  #placed: { atMs: number; appId: string }[] = []

  private constructor(leader: Running, standby: Running) {
    this.#leader = leader
    this.#standby = standby
    this.#fleet = new Fleet(
      { workers, applications: 2, executorCores: 1 },
      {
        masterChanged: () => this.#told.push(nowMs()),
        registered: () => this.#confirmed.push(nowMs()),
        launched: (_, appId) => this.#placed.push({ atMs: nowMs(), appId }),
      },
    )
  }

  /** With every core taken by one application, and another one that waits. */
  static async start(folder: string, zooKeeper: string): Promise<Failover> {
    const properties = [
      'spark.deploy.recoveryMode ZOOKEEPER',
      `spark.deploy.zookeeper.url ${zooKeeper}`,
    ]
    const [one, other] = [
      await MasterSeat.take(folder, 'one', properties),
      await MasterSeat.take(folder, 'other', properties),
    ]
    const leader = { seat: one, process: one.start() }
    await leads(leader)
    const self = new Failover(leader, { seat: other, process: other.start() })
    await self.#fill()
    return self
  }

  get #holder(): SimulatedApplication {
    return this.#fleet.applications[0]!
  }

  async #fill(): Promise<void> {
    const { control } = this.#leader.seat
    await linkAll(this.#fleet.workers, control)
    await eventually('all workers are registered', () => allRegistered(this.#fleet.workers))
    await this.#holder.link(control)
    await eventually('all cores are taken', () => this.#holder.executors === workers)
    await this.#fleet.applications[1]!.link(control)
    await this.#warm()
  }

  /** Returns when the standby has all that the leader has, and every peer a link to it. */
  async #warm(): Promise<void> {
    const { seat, process } = this.#standby
    await eventually('the standby listens', async () => (await process.leadership()) !== null)
    await linkAll(this.#fleet.peers, seat.control)
    await eventually('the standby follows', async () => {
      const followers = (await this.#leader.process.leadership())?.followers ?? []
      return followers.length === 1 && followers[0]!.lagCommits === 0
    })
  }

  async round(signal: 'SIGKILL' | 'SIGSTOP'): Promise<Round> {
    this.#holder.request(this.#holder.executors - 1)
    await this.#settled()
    for (const worker of this.#fleet.workers) worker.prepare()
    this.#told = []
    this.#confirmed = []
    this.#placed = []
    const lost = this.#leader
    const lostMs = nowMs()
    lost.process.signal(signal)
    this.#endOne()
    await eventually('something is placed', () => this.#placed.length > 0, withinMs)
    await eventually('all are confirmed', () => allRegistered(this.#fleet.peers), withinMs)
    const elected = await this.#standby.process.said(/^leads with epoch /, lostMs - 1)
    this.#check()
    await lost.process.kill()
    this.#leader = this.#standby
    this.#standby = { seat: lost.seat, process: lost.seat.start() }
    await this.#warm()
    return {
      elected: elected.atMs - lostMs,
      firstTold: this.#told[0]! - lostMs,
      allTold: this.#told[workers + 1]! - lostMs,
      placed: this.#placed[0]!.atMs - lostMs,
      allConfirmed: this.#confirmed.at(-1)! - lostMs,
    }
  }

  /** What was asked for is kept by the leader, and known to its standby. */
  async #settled(): Promise<void> {
    const { process } = this.#leader
    const commits = async () => (await process.leadership())?.store.commits ?? 0
    let before = -1
    await eventually('nothing is written any more', async () => {
      const now = await commits()
      const same = now === before
      before = now
      return same
    })
  }

  /** An executor of the application that has all, on a worker anywhere among them. */
  #endOne(): void {
    const of = this.#fleet.workers.filter(({ executors }) =>
      executors.some(({ appId }) => appId === this.#holder.id),
    )
    const worker = of[Math.floor(Math.random() * of.length)]!
    worker.endExecutor(worker.executors[0]!)
  }

  /** Nothing is lost and nothing doubled: one placement, for who waited, and every core is taken. */
  #check(): void {
    const placed = this.#placed.map(({ appId }) => appId)
    const waiting = this.#fleet.applications[1]!.id
    if (placed.length !== 1 || placed[0] !== waiting)
      throw new Error(`one executor of ${waiting} was to be placed, not ${placed.join(', ')}`)
    const running = this.#fleet.workers.reduce((sum, { executors }) => sum + executors.length, 0)
    if (running !== workers) throw new Error(`${running} executors run on ${workers} cores`)
  }

  async stop(): Promise<void> {
    this.#fleet.leave()
    await Promise.all([this.#leader.process.kill(), this.#standby.process.kill()])
  }
}

async function leads({ process }: Running): Promise<void> {
  await eventually('it leads', async () => (await process.leadership())?.role === 'leader')
}

function figures(what: string, rounds: readonly Round[]): Figure[] {
  const of = (stage: keyof Round, q: number) =>
    quantile(
      rounds.map((round) => round[stage]),
      q,
    )
  const stages = (Object.keys(rounds[0]!) as (keyof Round)[])
    .map((stage) => `${stage} ${of(stage, 0.5).toFixed(0)}/${of(stage, 0.99).toFixed(0)}`)
    .join(', ')
  const note = `${rounds.length} rounds, ${workers} workers, warm standby; p50/p99 of each stage in ms: ${stages}`
  return [0.5, 0.99].map((q) => ({
    name: `${what} to the first new placement, p${q * 100}`,
    value: of('placed', q),
    unit: 'ms',
    note,
  }))
}

async function measure(servers: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-bench-failover-'))
  const ensemble = await Ensemble.start({ servers })
  try {
    const pair = await Failover.start(folder, ensemble.url)
    try {
      const rounds: Record<'SIGKILL' | 'SIGSTOP', Round[]> = { SIGKILL: [], SIGSTOP: [] }
      for (let round = 0; round < killedRounds; round += 1)
        rounds.SIGKILL.push(await pair.round('SIGKILL'))
      for (let round = 0; round < silentRounds; round += 1)
        rounds.SIGSTOP.push(await pair.round('SIGSTOP'))
      return [
        ...figures(`${servers} ZooKeeper: kill -9 of the leader`, rounds.SIGKILL),
        ...figures(`${servers} ZooKeeper: the leader falls silent`, rounds.SIGSTOP),
      ]
    } finally {
      await pair.stop()
    }
  } finally {
    await ensemble.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function failover(): Promise<Figure[]> {
  return [...(await measure(1)), ...(await measure(3))]
}

if (process.argv[1] === import.meta.filename) console.log(await failover())
