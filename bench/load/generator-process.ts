/** The harness's side of a generator: one process, one scenario, every order with an end. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Answer, Order, Run } from './generator.js'
import type { MasterUnderTest, ScenarioSize } from './scenario.js'

/** Of what a generator prints before it dies, so many characters are kept. */
const LAST_WORDS_MAX = 4000

export class Generator {
  readonly #child: ChildProcess
  readonly #ended: Promise<never>
  #lastWords = ''

  /** @param name of the scenario */
  constructor(
    readonly name: string,
    private readonly withinMs: number,
  ) {
    this.#child = fork(join(import.meta.dirname, 'generator.ts'), {
      execArgv: ['--import', 'tsx'],
      // Latencies come as they are, not as text.
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#lastWords = (this.#lastWords + chunk).slice(-LAST_WORDS_MAX)
    })
    this.#ended = once(this.#child, 'close').then(() => {
      throw new Error(`the generator of ${name} ended: ${this.#lastWords.trim()}`)
    })
    // Nobody may be waiting when it ends.
    this.#ended.catch(() => {})
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    await this.#tell({ what: 'prepare', scenario: this.name, master, size })
  }

  async run(masterDies = false): Promise<Run> {
    const run = await this.#tell({ what: 'run', masterDies })
    if (run === null) throw new Error(`${this.name} observed nothing`)
    return run
  }

  /** Lets the scenario leave. Afterwards, and whenever something has failed, `kill`. */
  async close(): Promise<void> {
    await this.#tell({ what: 'close' })
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended.catch(() => {})
  }

  /** @throws Error when it fails, dies, or takes longer than it may */
  async #tell(order: Order): Promise<Run | null> {
    const deadline = new AbortController()
    const late = new Promise<never>((_, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${this.name}: '${order.what}' took more than ${this.withinMs} ms`))
      }, this.withinMs)
      deadline.signal.addEventListener('abort', () => clearTimeout(timer))
    })
    const answered = once(this.#child, 'message', { signal: deadline.signal }) as Promise<[Answer]>
    // It is given up when the order ends in another way.
    answered.catch(() => {})
    this.#child.send(order)
    try {
      const [answer] = await Promise.race([answered, this.#ended, late])
      if ('failed' in answer) throw new Error(`${this.name}: ${answer.failed}`)
      return answer.run
    } finally {
      deadline.abort()
    }
  }
}
