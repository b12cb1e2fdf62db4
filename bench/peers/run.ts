/**
 * The same tasks through ClusterPool, Ray, Dask and piscina alone, on two executors of one core each, in turns:
 * `npm run bench peers`, or `npx tsx bench/peers/run.ts [--rounds N] [--only NAME,NAME]`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { Cluster, processesUnder } from '../../test/e2e/cluster.js'
import { type Aim, type Figure, median, quantile, rounded, spreadOf } from '../figures.js'
import { tableOf } from '../table.js'
import { type Done, EXECUTORS, Peer, type Work } from './peer.js'

const OURS = 'ClusterPool'
const DEFAULT_ROUNDS = 2
const WAITING_TASKS = 1000
const WAIT_MS = 50
const ROUND_TRIPS = 2000
const IDEAL_SECONDS = (WAITING_TASKS * WAIT_MS) / 1000 / EXECUTORS

interface Contender {
  name: string
  /** What 100,000 of would take the slow ones minutes. */
  tinyTasks: number
  /** Calls `use` while it runs. */
  with(use: (peer: Peer) => Promise<Round>): Promise<Round>
}

interface Round {
  tiny: Done
  roundTrips: Done
  waiting: Done
}

const file = (name: string) => join(import.meta.dirname, name)

async function throughCluster(use: (peer: Peer) => Promise<Round>): Promise<Round> {
  const cluster = await Cluster.start({ workers: 1, coresPerWorker: EXECUTORS })
  try {
    const command = [process.execPath, file('cluster_pool_peer.mjs')]
    const peer = await Peer.start(command, cluster.folder, { MAGNETO_MASTER: cluster.masterUrl })
    try {
      return await use(peer)
    } finally {
      await peer.stop()
    }
  } finally {
    await cluster.stop()
  }
}

/** Of a command that starts all it needs itself. */
function alone(command: readonly string[]) {
  return async (use: (peer: Peer) => Promise<Round>): Promise<Round> => {
    const mark = mkdtempSync(join(tmpdir(), 'magneto-peer-'))
    try {
      const peer = await Peer.start(command, mark)
      try {
        return await use(peer)
      } finally {
        await peer.stop()
      }
    } finally {
      for (const pid of processesUnder(mark).keys()) process.kill(pid, 'SIGKILL')
      rmSync(mark, { recursive: true, force: true })
    }
  }
}

const ofNode: Contender[] = [
  {
    name: 'piscina alone',
    tinyTasks: 100_000,
    with: alone([process.execPath, file('piscina_peer.mjs')]),
  },
  { name: OURS, tinyTasks: 100_000, with: throughCluster },
]

const ofPython = (python: string): Contender[] => [
  { name: 'Ray', tinyTasks: 10_000, with: alone([python, file('ray_peer.py')]) },
  { name: 'Dask', tinyTasks: 10_000, with: alone([python, file('dask_peer.py')]) },
]

async function measure(peer: Peer, tinyTasks: number): Promise<Round> {
  const run = (work: Work) => peer.run(work)
  return {
    roundTrips: await run({ work: 'roundTrips', count: ROUND_TRIPS }),
    tiny: await run({ work: 'tiny', count: tinyTasks }),
    waiting: await run({ work: 'waiting', count: WAITING_TASKS, ms: WAIT_MS }),
  }
}

function figure(
  name: string,
  unit: string,
  values: readonly number[],
  note: string,
  aim?: Aim,
): Figure {
  const spread = spreadOf(values)
  return { name, unit, value: spread.value, note, spread, ...(aim !== undefined && { aim }) }
}

/** What a task may cost through the cluster. Others have none. */
const aims = {
  roundTripP50: { atMost: 0.25 },
  overIdeal: { atMost: 5 },
  over: { Ray: { atLeast: 20 }, 'piscina alone': { atLeast: 0.5 } } as Record<string, Aim>,
}

function figuresOf({ name, tinyTasks }: Contender, rounds: readonly Round[]): Figure[] {
  const each = (of: (round: Round) => number) => rounds.map(of)
  const cpu = (of: (round: Round) => number) => rounded(median(each(of)))
  const isOurs = name === OURS
  const tinyUs = cpu(({ tiny }) => (tiny.cpuSeconds / tinyTasks) * 1e6)
  const roundTripUs = cpu(({ roundTrips }) => (roundTrips.cpuSeconds / ROUND_TRIPS) * 1e6)
  const roundTrip = (q: number, aim?: Aim) =>
    figure(
      `one task there and back, ${name}, p${q * 100}`,
      'ms',
      each(({ roundTrips }) => quantile(roundTrips.latenciesMs, q)),
      `${ROUND_TRIPS.toLocaleString('en')} one at a time; ${roundTripUs} us of CPU each`,
      aim,
    )
  return [
    figure(
      `tiny tasks, ${name}`,
      'tasks/s',
      each(({ tiny }) => tinyTasks / tiny.seconds),
      `${tinyTasks.toLocaleString('en')} at once; ${tinyUs} us of CPU each, all processes together`,
    ),
    roundTrip(0.5, isOurs ? aims.roundTripP50 : undefined),
    roundTrip(0.99),
    figure(
      `tasks of ${WAIT_MS} ms, ${name}`,
      '% over ideal',
      each(({ waiting }) => (waiting.seconds / IDEAL_SECONDS - 1) * 100),
      `${WAITING_TASKS.toLocaleString('en')} at once; ${cpu(({ waiting }) => waiting.cpuSeconds)} CPU seconds`,
      isOurs ? aims.overIdeal : undefined,
    ),
  ]
}

/** Of one round each: what else the machine did then slowed both. */
function ratiosOf(contenders: readonly Contender[], rounds: readonly Round[][]): Figure[] {
  const ours = contenders.findIndex(({ name }) => name === OURS)
  if (ours < 0) return []
  const rate = (round: readonly Round[], at: number) =>
    contenders[at]!.tinyTasks / round[at]!.tiny.seconds
  return contenders.flatMap(({ name }, other) => {
    if (other === ours) return []
    const ratios = rounds.map((round) => rate(round, ours) / rate(round, other))
    const note = 'ratio of the rates of one round'
    return [figure(`tiny tasks, ${OURS} over ${name}`, 'times', ratios, note, aims.over[name])]
  })
}

export interface PeersOptions {
  /** DEFAULT_ROUNDS when null or absent. */
  rounds?: number | null
  /** Names of contenders; all when absent. */
  only?: readonly string[]
}

export async function peers(options: PeersOptions = {}): Promise<Figure[]> {
  const { only } = options
  const count = options.rounds ?? DEFAULT_ROUNDS
  const isWanted = ({ name }: Contender) => only === undefined || only.includes(name)
  const contenders = ofNode.filter(isWanted)
  if (ofPython('').some(isWanted)) {
    const fetched = spawnSync(process.execPath, [file('fetch-peers.mjs')], { encoding: 'utf8' })
    if (fetched.status === 0) contenders.push(...ofPython(fetched.stdout.trim()).filter(isWanted))
    else console.error(`Ray and Dask are left out: ${fetched.stderr}`)
  }
  const rounds: Round[][] = []
  for (let round = 0; round < count; round += 1) {
    rounds.push([])
    for (const contender of contenders) {
      process.stderr.write(`round ${round + 1} of ${count}, ${contender.name}: `)
      const seen = await contender.with((peer) => measure(peer, contender.tinyTasks))
      rounds.at(-1)!.push(seen)
      console.error(`${rounded(contender.tinyTasks / seen.tiny.seconds)} tiny tasks/s`)
    }
  }
  const figures = contenders.flatMap((contender, at) =>
    figuresOf(
      contender,
      rounds.map((round) => round[at]!),
    ),
  )
  return [...figures, ...ratiosOf(contenders, rounds)]
}

if (process.argv[1] === import.meta.filename) {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { rounds: text, only: text } })
  const options: PeersOptions = {
    ...(values.rounds !== undefined && { rounds: Number(values.rounds) }),
    ...(values.only !== undefined && { only: values.only.split(',') }),
  }
  console.log(tableOf(await peers(options), []))
}
