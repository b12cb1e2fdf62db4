/**
 * What people see of 10,000 workers, 100,000 executors and 10,000 applications while executors end and start, and
 * applications come and go, with 50 browsers open and a scraper: how long pages take, how old what they show is, and what
 * it costs the thread that schedules. Real core and real web thread; all else is played.
 * `npx tsx bench/view-load.ts [--workers 10000] [--executors 100000] [--applications 10000] [--browsers 50] [--seconds 20]`
 * prints one JSON line; the build must be fresh.
 */
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { FromWebThread, ToWebThread, WebThreadData } from '../src/control/thread-messages.js'
import { VIEW_PART_BYTES } from '../src/master/limits.js'
import { Figures } from '../src/metrics/figures.js'
import { MASTER_FAMILIES } from '../src/metrics/master-families.js'
import { browsersOf, summary, type Browsed, type Summary } from './view-browsers.js'
import { PlayedCluster, tickMs, type MarkKind } from './view-cluster.js'

/** Without a reader, to compare with. */
const quietMs = 5000

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

/** @returns what each step took, ms */
async function churn(cluster: PlayedCluster, isOver: () => boolean): Promise<number[]> {
  const steps: number[] = []
  while (!isOver()) {
    steps.push(cluster.tick())
    await pause(tickMs)
  }
  return steps
}

/** What the main thread does for the web thread. */
class WebSide {
  readonly parts = { tookMs: [] as number[], bytes: 0 }
  readonly explainedMs: number[] = []
  readonly #thread: Worker
  readonly port: Promise<number>

  constructor({ core }: PlayedCluster, nowMs: () => number) {
    const workerData: WebThreadData = {
      host: '127.0.0.1',
      port: 0,
      maxRetries: 0,
      publicHost: '127.0.0.1',
      metrics: {
        figures: new Figures(MASTER_FAMILIES).buffer,
        sinks: [
          {
            instance: 'applications',
            name: 'servlet',
            sink: { kind: 'json', path: '/metrics/applications/json' },
          },
        ],
      },
    }
    const script = new URL('../dist/src/ui/web-thread.js', import.meta.url)
    this.#thread = new Worker(script, { workerData })
    this.port = new Promise((resolve, reject) => {
      this.#thread.on('error', reject)
      this.#thread.on('message', (message: FromWebThread) => {
        const before = performance.now()
        if (message.kind === 'changes') {
          const bytes = core.changes(nowMs(), message.anew, VIEW_PART_BYTES)
          this.parts.tookMs.push(performance.now() - before)
          this.parts.bytes += bytes.byteLength
          this.#send({ kind: 'changes', bytes })
        } else if (message.kind === 'explain') {
          const bytes = core.explain(message.request)
          this.explainedMs.push(performance.now() - before)
          this.#send({ kind: 'explain', id: message.id, bytes })
        } else if (message.kind === 'listening') resolve(message.port)
        else if (message.kind === 'failed') reject(new Error(message.message))
      })
    })
    this.#send({ kind: 'ready', masterUrl: 'spark://master:7077', webUiUrl: '', restPort: null })
  }

  async end(): Promise<void> {
    await this.#thread.terminate()
  }

  #send(message: ToWebThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#thread.postMessage(message)
  }
}

/** How old each change was when a browser that was looking saw it. */
function agesOf(kind: MarkKind, { seen }: Browsed, { markedMs }: PlayedCluster): Summary {
  const ages = seen.flatMap(({ kind: one, number, atMs }) => {
    const madeMs = markedMs.get(`${one} ${number}`)
    return one === kind && madeMs !== undefined ? [atMs - madeMs] : []
  })
  return summary(ages)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '10000' },
      executors: { type: 'string', default: '100000' },
      applications: { type: 'string', default: '10000' },
      browsers: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '20' },
    },
  })
  const [workers, executors, applications, browsers, seconds] = [
    values.workers,
    values.executors,
    values.applications,
    values.browsers,
    values.seconds,
  ].map(Number) as [number, number, number, number, number]
  const sizes = { workers, executors, applications }
  const cluster = new PlayedCluster(sizes)
  const quietUntil = performance.now() + quietMs
  const before = await churn(cluster, () => performance.now() > quietUntil)
  const web = new WebSide(cluster, () => cluster.nowMs)
  const port = await web.port
  let isOver = false
  const browsing = browsersOf({ port, browsers, seconds, workers }).finally(() => {
    isOver = true
  })
  const cpuBefore = process.cpuUsage()
  const during = await churn(cluster, () => isOver)
  const cpu = process.cpuUsage(cpuBefore)
  const browsed = await browsing
  await web.end()
  const { seen: _, ...pages } = browsed
  const report = {
    ...sizes,
    browsers,
    ...pages,
    ageMs: {
      executor: agesOf('executor', browsed, cluster),
      application: agesOf('application', browsed, cluster),
    },
    stepMs: { before: summary(before), during: summary(during) },
    partMs: { ...summary(web.parts.tookMs), bytes: web.parts.bytes },
    explainMs: summary(web.explainedMs),
    cpuSeconds: Math.round((cpu.user + cpu.system) / 1e4) / 100,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

await main()
