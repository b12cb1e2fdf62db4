/**
 * Browsers with pages of the master open, for bench/view-load.ts: each shows one page for a while, kept current as
 * src/browser/live-page.ts does it, and goes on to another; beside them a scraper reads what programs read. A process of
 * their own, so that they take nothing from the master's.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get, type IncomingHttpHeaders } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { quantile } from './figures.js'
import { largeApp, markOf, probeApp, type MarkKind } from './view-cluster.js'

/** PERIOD_MS of src/browser/live-page.ts. */
const livePeriodMs = 600
/** So often a page is asked for again before its browser goes on to another one. */
const refreshes = 5
/** Between two documents of the scraper. */
const scrapePauseMs = 500

export interface BrowserData {
  readonly port: number
  readonly browsers: number
  readonly seconds: number
  readonly workers: number
}

export interface Summary {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly most: number
}

/** When a browser that was looking saw something for the first time, ms since 1970. */
export interface Seen {
  readonly kind: MarkKind
  readonly number: number
  readonly atMs: number
}

export interface Browsed {
  /** All in ms. */
  readonly all: Summary
  readonly pages: Readonly<Record<string, Summary>>
  readonly scraped: Readonly<Record<string, Summary & { readonly bytes: number }>>
  /** Of the first reader there was: until it had something, and each page in turn with nobody else there. */
  readonly wholeMs: number
  readonly first: Readonly<Record<string, number>>
  readonly seen: readonly Seen[]
}

/** @param all at least one */
export function summary(all: readonly number[]): Summary {
  const part = (share: number) => Math.round(quantile(all, share) * 100) / 100
  return { count: all.length, p50: part(0.5), p99: part(0.99), most: part(1) }
}

function paths(workers: number): string[] {
  return [
    '/',
    `/app/?appId=${probeApp}`,
    '/?workers.sort=-cores',
    `/?workers.offset=${Math.floor(workers / 2)}`,
    `/app/?appId=${probeApp}&executors.sort=-state`,
    '/?workers.q=host-77&workers.sort=address',
    `/app/?appId=${largeApp}&executors.sort=-worker&executors.offset=400`,
    '/?running.q=waits-1&running.sort=name',
  ]
}

const documents = [
  '/json/',
  '/metrics',
  '/json/clusterutilization',
  '/metrics/applications/json',
  '/json/activeapps',
]

interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: number
  readonly body: Buffer
  readonly tookMs: number
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

class Visits {
  readonly #data: BrowserData
  readonly #agent: Agent
  readonly #took = new Map<string, number[]>()
  readonly #scraped = new Map<string, { took: number[]; bytes: number }>()
  readonly #seen: Seen[] = []
  #wholeMs = 0
  #first: Record<string, number> = {}

  constructor(data: BrowserData) {
    this.#data = data
    this.#agent = new Agent({ keepAlive: true, maxSockets: data.browsers + 1 })
  }

  async run(): Promise<Browsed> {
    const { browsers, seconds, workers } = this.#data
    const all = paths(workers)
    const before = performance.now()
    while (!(await this.#isWhole())) await pause(100)
    this.#wholeMs = Math.round(performance.now() - before)
    for (const path of [...all, ...documents])
      this.#first[path] = Math.round((await this.#ask(path, {})).tookMs)
    const until = performance.now() + seconds * 1000
    await Promise.all([
      ...Array.from({ length: browsers }, (_, browser) => this.#browse(all, browser, until)),
      this.#scrape(until),
    ])
    this.#agent.destroy()
    const entries = (of: Map<string, number[]>) =>
      Object.fromEntries([...of].map(([path, list]) => [path, summary(list)]))
    return {
      all: summary([...this.#took.values()].flat()),
      pages: entries(this.#took),
      scraped: Object.fromEntries(
        [...this.#scraped].map(([path, { took, bytes }]) => [path, { ...summary(took), bytes }]),
      ),
      wholeMs: this.#wholeMs,
      first: this.#first,
      seen: this.#seen,
    }
  }

  async #isWhole(): Promise<boolean> {
    return this.#ask('/', {}).then(
      () => true,
      () => false,
    )
  }

  async #ask(path: string, headers: Record<string, string>): Promise<Got> {
    const { port } = this.#data
    const { promise, resolve, reject } = withResolvers<Got>()
    const before = performance.now()
    get({ host: '127.0.0.1', port, path, agent: this.#agent, headers }, (answer) => {
      const { statusCode: status = 0 } = answer
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('error', reject)
      answer.on('end', () => {
        const tookMs = performance.now() - before
        const body = Buffer.concat(parts)
        if (status !== 200 && status !== 304) reject(new Error(`${path}: ${status}`))
        resolve({ status, headers: answer.headers, bytes: body.length, body, tookMs })
      })
    }).on('error', reject)
    return promise
  }

  async #browse(all: readonly string[], browser: number, until: number): Promise<void> {
    await pause((livePeriodMs * browser) / this.#data.browsers)
    for (let turn = browser; performance.now() < until; ++turn)
      await this.#look(all[turn % all.length] ?? '/', until)
  }

  /** At one page, which is kept current. */
  async #look(path: string, until: number): Promise<void> {
    let tag: string | undefined
    let last = -1
    for (let again = 0; again <= refreshes && performance.now() < until; ++again) {
      const conditions = tag === undefined ? {} : { 'if-none-match': tag }
      const got = await this.#ask(path, { 'accept-encoding': 'gzip', ...conditions })
      const atMs = performance.timeOrigin + performance.now()
      const list = this.#took.get(path) ?? []
      this.#took.set(path, list)
      list.push(got.tookMs)
      const { etag } = got.headers
      tag = etag
      // There visitors are seen once they have left.
      const shows = got.status === 200 && !path.includes('running.q')
      const mark = shows ? markOf(await textOf(got)) : null
      if (mark !== null) {
        // Of what was there when it came to look it can't say since when.
        const from = last < 0 ? mark.number + 1 : last + 1
        for (let number = from; number <= mark.number; ++number)
          this.#seen.push({ kind: mark.kind, number, atMs })
        last = Math.max(last, mark.number)
      }
      await pause(Math.max(livePeriodMs / 4, livePeriodMs - got.tookMs))
    }
  }

  async #scrape(until: number): Promise<void> {
    for (let turn = 0; performance.now() < until; ++turn) {
      const path = documents[turn % documents.length] ?? '/json/'
      const { tookMs, bytes } = await this.#ask(path, {})
      const known = this.#scraped.get(path) ?? { took: [], bytes: 0 }
      this.#scraped.set(path, { took: [...known.took, tookMs], bytes })
      await pause(scrapePauseMs)
    }
  }
}

async function textOf({ headers, body }: Got): Promise<string> {
  const plain = headers['content-encoding'] === 'gzip' ? await promisify(gunzip)(body) : body
  return plain.toString()
}

function withResolvers<Value>() {
  let resolve!: (value: Value) => void
  let reject!: (error: Error) => void
  const promise = new Promise<Value>((accept, refuse) => {
    resolve = accept
    reject = refuse
  })
  return { promise, resolve, reject }
}

/** In a process of their own. @throws Error when one of them was refused */
export async function browsersOf(data: BrowserData): Promise<Browsed> {
  const script = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(data)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const parts: string[] = []
  child.stdout.setEncoding('utf8').on('data', (part: string) => parts.push(part))
  const [status] = (await once(child, 'close')) as [number | null]
  if (status !== 0) throw new Error(`the browsers ended with status ${status}`)
  return JSON.parse(parts.join('')) as Browsed
}

const [data] = process.argv.slice(2)
if (process.argv[1] === fileURLToPath(import.meta.url) && data !== undefined) {
  const browsed = await new Visits(JSON.parse(data) as BrowserData).run()
  process.stdout.write(JSON.stringify(browsed))
}
