/**
 * What people see of 10,000 workers and 100,000 executors, with 50 browsers open: how long pages take, how old what
 * they show is, and what it costs the thread that schedules. Real core and real web thread; workers, executors and
 * browsers are played. `npx tsx bench/view-load.ts [--workers 10000] [--executors 100000] [--browsers 50] [--seconds 10]`
 * prints one JSON line; the build must be fresh.
 */
import { Builder } from 'flatbuffers'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { encode, encodeApplication } from '../src/control/codec.js'
import { BatchWriter, InboxKind, sessionOf, SessionSource } from '../src/control/records.js'
import type { FromWebThread, ToWebThread } from '../src/control/thread-messages.js'
import { createMasterCore, type MasterCore } from '../src/core/native.js'
import { VIEW_PART_BYTES } from '../src/master/limits.js'
import * as schema from '../src/schema/magneto.js'

const startMs = Date.UTC(2026, 0, 24, 10, 30, 5)
const appId = 'app-20260124103005-0000'
const changesPerTick = 20
const tickMs = 10
/** A browser asks again so long after its answer. */
const thinkMs = 1000

interface Sizes {
  readonly workers: number
  readonly executors: number
}

function config(): Uint8Array {
  const builder = new Builder()
  const settings = Object.assign(new schema.CoreConfigT(), { masterUrl: 'spark://master:7077' })
  builder.finish(settings.pack(builder))
  return builder.asUint8Array()
}

/** One application has all cores, and another one waits. */
class PlayedCluster {
  readonly core: MasterCore = createMasterCore(config())
  readonly #inbox = new BatchWriter()
  readonly #sizes: Sizes
  nowMs = startMs

  constructor(sizes: Sizes) {
    this.#sizes = sizes
    const cores = Math.ceil(sizes.executors / sizes.workers)
    for (let at = 0; at < sizes.workers; ++at) {
      const body = new schema.RegisterWorkerT(this.workerId(at), `host-${at}`, 7000, cores, 65536)
      body.runtimes = ['node']
      body.webUiUrl = `http://host-${at}:8081`
      this.connect(at, encode(body))
      if (at % 500 === 499) this.step()
    }
    for (const name of ['large', 'waits']) {
      const description = new schema.ApplicationDescriptionT()
      description.name = name
      description.runtime = 'node'
      description.maxCores = sizes.executors
      description.defaultProfile = new schema.ResourceProfileT(0, 1, 256)
      description.commandType = schema.Command.NodeCommand
      description.command = new schema.NodeCommandT('/pi.js')
      const application = encodeApplication(description)
      const at = sizes.workers + (name === 'large' ? 0 : 1)
      this.connect(at, encode(new schema.RegisterApplicationT(application, `driver:${at}`)))
      this.step()
    }
  }

  workerId(at: number): string {
    return `worker-20260124103005-host-${at}-7000`
  }

  connect(at: number, payload: Uint8Array): void {
    const session = sessionOf(SessionSource.CONTROL, at + 1)
    this.#inbox.add(InboxKind.CONNECTED, session, 'peer:1')
    this.#inbox.add(InboxKind.MESSAGE, session, payload)
  }

  /** A worker's heartbeat: what the core gets most. */
  heartbeat(at: number): void {
    const session = sessionOf(SessionSource.CONTROL, at + 1)
    this.#inbox.add(
      InboxKind.MESSAGE,
      session,
      encode(new schema.WorkerHeartbeatT(this.workerId(at))),
    )
  }

  step(): number {
    const before = performance.now()
    this.core.step(this.nowMs, 0, this.#inbox.view())
    this.#inbox.reset()
    return performance.now() - before
  }

  get sizes(): Sizes {
    return this.#sizes
  }
}

function percentile(all: readonly number[], share: number): number {
  const sorted = [...all].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
  return Math.round(value * 100) / 100
}

function summary(all: readonly number[]) {
  return {
    count: all.length,
    p50: percentile(all, 0.5),
    p99: percentile(all, 0.99),
    most: percentile(all, 1),
  }
}

interface BrowserData {
  readonly port: number
  readonly browsers: number
  readonly seconds: number
  readonly workers: number
}

/** The pages that each browser goes through, from another one than its neighbour. */
function paths(workers: number): string[] {
  return [
    '/',
    '/?workers.sort=-cores',
    `/?workers.offset=${Math.floor(workers / 2)}`,
    '/?workers.q=host-77&workers.sort=address',
    `/app/?appId=${appId}`,
    `/app/?appId=${appId}&executors.sort=-worker&executors.offset=400`,
    '/json/clusterutilization',
  ]
}

async function browse({ port, browsers, seconds, workers }: BrowserData): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: browsers })
  const took = new Map<string, number[]>()
  const until = performance.now() + seconds * 1000
  const ask = (path: string) =>
    new Promise<void>((resolve, reject) => {
      const before = performance.now()
      get(
        { host: '127.0.0.1', port, path, agent, headers: { 'accept-encoding': 'gzip' } },
        (answer) => {
          if (answer.statusCode !== 200) reject(new Error(`${path}: ${answer.statusCode}`))
          answer.resume().on('end', () => {
            const list = took.get(path) ?? []
            took.set(path, list)
            list.push(performance.now() - before)
            resolve()
          })
        },
      ).on('error', reject)
    })
  const all = paths(workers)
  const before = performance.now()
  while (
    !(await ask('/').then(
      () => true,
      () => false,
    ))
  )
    await pause(100)
  const wholeMs = Math.round(performance.now() - before)
  took.clear()
  for (const path of all) await ask(path)
  const first = Object.fromEntries([...took].map(([path, [ms]]) => [path, Math.round(ms ?? NaN)]))
  took.clear()
  await Promise.all(
    Array.from({ length: browsers }, async (_, browser) => {
      await pause((thinkMs * browser) / browsers)
      for (let turn = browser; performance.now() < until; ++turn) {
        await ask(all[turn % all.length] ?? '/')
        await pause(thinkMs)
      }
    }),
  )
  agent.destroy()
  const pages = Object.fromEntries([...took].map(([path, list]) => [path, summary(list)]))
  process.stdout.write(
    JSON.stringify({ all: summary([...took.values()].flat()), pages, first, wholeMs }),
  )
}

/** In a process of their own, so that they take nothing from the master's. */
async function browsersOf(data: BrowserData): Promise<unknown> {
  const script = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(data)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const parts: string[] = []
  child.stdout.setEncoding('utf8').on('data', (part: string) => parts.push(part))
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`the browsers ended with status ${status}`)
  return JSON.parse(parts.join(''))
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

/** Steps with a steady change for so long. @returns what each took, ms */
async function churn(cluster: PlayedCluster, ms: number): Promise<number[]> {
  const steps: number[] = []
  let turn = 0
  const until = performance.now() + ms
  while (performance.now() < until) {
    cluster.nowMs += tickMs
    for (let change = 0; change < changesPerTick; ++change) {
      turn += 1
      cluster.heartbeat((turn * 7919) % cluster.sizes.workers)
    }
    steps.push(cluster.step())
    await pause(tickMs)
  }
  return steps
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '10000' },
      executors: { type: 'string', default: '100000' },
      browsers: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '10' },
    },
  })
  const sizes = { workers: Number(values.workers), executors: Number(values.executors) }
  const seconds = Number(values.seconds)
  const cluster = new PlayedCluster(sizes)
  const quiet = await churn(cluster, 3000)
  const part = { ms: [] as number[], bytes: 0 }
  const explained: number[] = []
  const web = new Worker(new URL('../dist/src/ui/web-thread.js', import.meta.url), {
    workerData: { host: '127.0.0.1', port: 0, maxRetries: 0, publicHost: '127.0.0.1' },
  })
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  const send = (message: ToWebThread) => web.postMessage(message)
  const port = await new Promise<number>((resolve) => {
    web.on('message', (message: FromWebThread) => {
      const before = performance.now()
      if (message.kind === 'changes') {
        const bytes = cluster.core.changes(cluster.nowMs, message.anew, VIEW_PART_BYTES)
        part.ms.push(performance.now() - before)
        part.bytes += bytes.byteLength
        send({ kind: 'changes', bytes })
      } else if (message.kind === 'explain') {
        const bytes = cluster.core.explain(message.request)
        explained.push(performance.now() - before)
        send({ kind: 'explain', id: message.id, bytes })
      } else if (message.kind === 'listening') resolve(message.port)
      else if (message.kind === 'failed') throw new Error(message.message)
    })
  })
  send({ kind: 'ready', masterUrl: 'spark://master:7077', webUiUrl: '', restPort: null })
  const data: BrowserData = {
    port,
    browsers: Number(values.browsers),
    seconds,
    workers: sizes.workers,
  }
  const pages = browsersOf(data)
  const state = { over: false }
  const ended = () => {
    state.over = true
  }
  pages.then(ended, ended)
  const busy: number[] = []
  const cpuBefore = process.cpuUsage()
  while (!state.over) busy.push(...(await churn(cluster, 200)))
  const cpu = process.cpuUsage(cpuBefore)
  const report = {
    ...sizes,
    browsers: data.browsers,
    pages: await pages,
    partMs: { ...summary(part.ms), bytes: part.bytes },
    explainMs: summary(explained),
    stepMs: { before: summary(quiet), during: summary(busy) },
    cpuSeconds: Math.round((cpu.user + cpu.system) / 1e4) / 100,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  await web.terminate()
}

const [played] = process.argv.slice(2)
if (played?.startsWith('{')) await browse(JSON.parse(played) as BrowserData)
else await main()
