/**
 * How long an executor takes to start, through the control link, the core, the worker's main thread and its launcher:
 * from an application's RegisterApplication leaving its socket to the exec(), and the worker's own part of it, from
 * LaunchExecutor to the exec(). One at a time, the first of a worker and those of one that has launched many, whose code V8
 * has compiled; many applications at once, and one application with many executors.
 */
import { readFileSync, readdirSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { decode, encode, encodeApplication } from '../src/control/codec.js'
import * as schema from '../src/schema/magneto.js'
import { Cluster, eventually } from '../test/e2e/cluster.js'
import { controlAddress } from './load/control/address.js'
import { type Aim, type Figure, quantile } from './figures.js'

const firstOnes = 40
const oneAtATime = 150
const atOnce = 50
const burstRounds = 5

/** Of a lone launch, once the worker's code is compiled. */
const aims: Readonly<Record<number, Aim>> = { 0.5: { atMost: 2 }, 0.99: { atMost: 10 } }

/** statfs(2) of a file system in memory. */
const TMPFS_MAGIC = 0x01021994

function application(index: number, executors: number): Uint8Array {
  // An executor that stays: one that ends at once would be replaced, and its successors counted in.
  const command = new schema.NodeCommandT('idle')
  command.nodeOptions = ['--eval', 'setInterval(() => {}, 60_000)']
  const description = new schema.ApplicationDescriptionT(`bench ${index}`)
  description.maxCores = executors
  description.defaultProfile = new schema.ResourceProfileT(0, 1, 64)
  description.commandType = schema.Command.NodeCommand
  description.command = command
  description.runtime = 'node'
  return encode(new schema.RegisterApplicationT(encodeApplication(description)))
}

interface Launch {
  socket: WebSocket
  sentMs: number
  appId: string
  executors: number
}

/** When the worker had the order and when its executor ran, ms since the epoch. */
interface Times {
  receivedMs: number
  execMs: number
}

interface Measured {
  fromSent: number
  fromReceived: number
}

/** Opens the link first, so that only the way of the message is measured. */
async function launch(url: string, index: number, executors = 1): Promise<Launch> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  await new Promise((done, fail) => socket.once('open', done).once('error', fail))
  const registered = new Promise<string>((done) => {
    socket.on('message', (bytes: Buffer) => {
      const body = decode(bytes)
      if (body instanceof schema.ApplicationRegisteredT) done(body.appId ?? '')
    })
  })
  const message = application(index, executors)
  const sentMs = performance.timeOrigin + performance.now()
  socket.send(message)
  return { socket, sentMs, appId: await registered, executors }
}

/** By executor, `application/id`; from the worker's log in JSON lines. */
function launchTimes(folder: string): Map<string, Times> {
  const name = readdirSync(folder).find((file) => file.includes('worker.Worker-1'))
  const times = new Map<string, Times>()
  if (name === undefined) return times
  for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
    if (!line.includes('"execMs"')) continue
    const { msg, ...found } = JSON.parse(line) as Times & { msg: string }
    times.set(/executor (\S+)/.exec(msg)?.[1] ?? '', found)
  }
  return times
}

/** Of the worker's own process, user and system; a tick is 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

interface Series {
  /** How they come, for the figures' names. */
  what: string
  rounds: number
  start: (round: number) => Promise<Launch[]>
  hasAim?: boolean
}

function figures(series: Series, measured: readonly Measured[], cpu: number): Figure[] {
  const { what, hasAim } = series
  const folders = statfsSync(tmpdir()).type === TMPFS_MAGIC ? 'in memory' : 'on a disk'
  const note = `${measured.length} Node executors on one worker, their folders ${folders}, everything on the same 2 cores`
  const figure = (from: string, values: number[], q: number): Figure => ({
    name: `${from} to exec(), ${what}, p${q * 100}`,
    value: quantile(values, q),
    unit: 'ms',
    note,
  })
  const sent = measured.map(({ fromSent }) => fromSent)
  const received = measured.map(({ fromReceived }) => fromReceived)
  const ofWorker = (q: number): Figure => ({
    ...figure('LaunchExecutor received by the worker', received, q),
    ...(hasAim === true && { aim: aims[q]! }),
  })
  return [
    ofWorker(0.5),
    ofWorker(0.99),
    figure('RegisterApplication sent', sent, 0.5),
    figure('RegisterApplication sent', sent, 0.99),
    {
      name: `CPU of the worker for a launch and its end, ${what}`,
      value: cpu / measured.length,
      unit: 'ms',
      note: `${note}; user and system, without the executors`,
    },
  ]
}

class Bench {
  readonly #cluster: Cluster
  readonly #worker: number
  readonly #logs: string

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#worker = cluster.pids().workers[0]!
    this.#logs = join(cluster.folder, 'logs')
  }

  async measure(series: Series): Promise<Figure[]> {
    const measured: Measured[] = []
    const before = cpuMs(this.#worker)
    for (let round = 0; round < series.rounds; round += 1) {
      measured.push(...(await this.#measured(await series.start(round))))
    }
    return figures(series, measured, cpuMs(this.#worker) - before)
  }

  async #measured(launches: Launch[]): Promise<Measured[]> {
    const wanted = launches.flatMap(({ appId, executors, sentMs }) =>
      Array.from({ length: executors }, (_, id) => ({ key: `${appId}/${id}`, sentMs })),
    )
    const times = await eventually('every executor was started', () => {
      const found = launchTimes(this.#logs)
      return wanted.every(({ key }) => found.has(key)) ? found : null
    })
    for (const { socket } of launches) socket.terminate()
    await this.#cluster.until('the cores are free', (state) => state.coresused === 0)
    await eventually('the executors are gone', () =>
      this.#cluster.executors().length === 0 ? true : null,
    )
    return wanted.map(({ key, sentMs }) => {
      const { receivedMs, execMs } = times.get(key)!
      return { fromSent: execMs - sentMs, fromReceived: execMs - receivedMs }
    })
  }
}

export async function launchLatency(): Promise<Figure[]> {
  const cluster = await Cluster.start({
    workers: 1,
    coresPerWorker: atOnce,
    memoryPerWorker: '8g',
    environment: { MAGNETO_LOG_FORMAT: 'json' },
  })
  try {
    const url = await controlAddress(cluster.masterUrl)
    const bench = new Bench(cluster)
    const one = async (index: number) => [await launch(url, index)]
    const many = () => Promise.all(Array.from({ length: atOnce }, (_, index) => launch(url, index)))
    const ofOne = async (index: number) => [await launch(url, index, atOnce)]
    const all: Series[] = [
      { what: `the first ${firstOnes} one at a time`, rounds: firstOnes, start: one },
      {
        what: 'one at a time',
        rounds: oneAtATime,
        start: one,
        hasAim: true,
      },
      { what: `${atOnce} applications at once`, rounds: burstRounds, start: many },
      { what: `${atOnce} of one application at once`, rounds: burstRounds, start: ofOne },
    ]
    const found: Figure[] = []
    for (const series of all) found.push(...(await bench.measure(series)))
    return found
  } finally {
    await cluster.stop()
  }
}
