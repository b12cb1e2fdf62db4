/**
 * One scenario against our master and Apache's, in turns: A B A B. Each master is new, lives as long as the scenario, and has a
 * generator of its own that rests while the other one plays.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Kind, type MasterProcess, type MasterSeat, takeSeat } from '../masters.js'
import { residentBytes } from '../processes.js'
import type { Run } from './generator.js'
import { Generator } from './generator-process.js'
import type { MasterUnderTest, ScenarioSize } from './scenario.js'

/** How one master is to be measured. */
export interface SidePlan {
  readonly size: ScenarioSize
  readonly runs: number
  /** Runs that are not counted go on for so long, one at least: a JVM compiles what it has seen often. 0: there are none. */
  readonly warmUpSeconds: number
  /** Whether it is killed where it stands: to undo what has been done would take it minutes. */
  readonly isLeft?: boolean
}

export interface DuelPlan {
  readonly scenario: string
  /** Lines of spark-defaults.conf for both; RECOVERY stands for a folder of the master's own. */
  readonly properties?: readonly string[]
  readonly magneto: SidePlan | null
  readonly apache: SidePlan | null
  /**
   * The master is killed in each run and starts again on its ports and its folder. The scenario counts from the moment in
   * which its first link breaks.
   */
  readonly masterDies?: boolean
  /** For each order to a generator. */
  readonly withinSeconds: number
}

export interface SideRuns {
  readonly size: ScenarioSize
  readonly runs: readonly Run[]
  /** Of the master in bytes: before anybody came, and with the prepared cluster. */
  readonly idleBytes: number
  readonly preparedBytes: number
}

export type DuelRuns = Readonly<Record<Kind, SideRuns | null>>

const readyWithinMs = 120_000
/** By then a generator has begun its run. */
const beforeDeathMs = 500

/** What the master says on its page, or why it says nothing yet. */
async function statusOf({ host, webUiPort }: MasterUnderTest): Promise<string> {
  try {
    const answer = await fetch(`http://${host}:${webUiPort}/json/`)
    return answer.ok ? ((await answer.json()) as { status: string }).status : answer.statusText
  } catch (error) {
    return String(error)
  }
}

/** Returns when the master says that it leads. */
export async function leads(master: MasterUnderTest, pollMs = 20): Promise<void> {
  const deadline = performance.now() + readyWithinMs
  for (;;) {
    const status = await statusOf(master)
    if (status === 'ALIVE') return
    if (performance.now() > deadline)
      throw new Error(`the master does not lead after ${readyWithinMs} ms: ${status}`)
    await delay(pollMs)
  }
}

class Side {
  readonly #runs: Run[] = []
  #idleBytes = 0
  #preparedBytes = 0

  private constructor(
    private readonly seat: Pick<MasterSeat, 'start'>,
    private master: MasterProcess,
    private readonly generator: Generator,
    readonly plan: SidePlan,
    private readonly masterDies: boolean,
  ) {}

  static async start(kind: Kind, plan: SidePlan, of: DuelPlan, folder: string): Promise<Side> {
    const lines = (of.properties ?? []).map((line) => line.replace('RECOVERY', join(folder, kind)))
    const seat = await takeSeat(kind, folder, lines)
    const generator = new Generator(of.scenario, of.withinSeconds * 1000)
    return new Side(seat, seat.start(), generator, plan, of.masterDies ?? false)
  }

  async prepare(): Promise<void> {
    const { underTest } = this.master
    await leads(underTest)
    this.#idleBytes = residentBytes(underTest.pid)
    await this.generator.prepare(underTest, this.plan.size)
    this.#preparedBytes = residentBytes(underTest.pid)
    const enough = performance.now() + this.plan.warmUpSeconds * 1000
    while (performance.now() < enough) await this.#run()
  }

  async run(): Promise<void> {
    this.#runs.push(await this.#run())
  }

  async #run(): Promise<Run> {
    if (!this.masterDies) return this.generator.run()
    const running = this.generator.run(true)
    // It is awaited below; until then its failure waits, too.
    running.catch(() => {})
    await delay(beforeDeathMs)
    await this.master.kill()
    this.master = this.seat.start()
    const run = await running
    const { pid } = this.master.underTest
    return { ...run, masterCpuSeconds: this.master.cpuSeconds(), residentAfter: residentBytes(pid) }
  }

  get result(): SideRuns {
    const { size } = this.plan
    const [idleBytes, preparedBytes] = [this.#idleBytes, this.#preparedBytes]
    return { size, runs: this.#runs, idleBytes, preparedBytes }
  }

  async close(): Promise<void> {
    await this.generator.close()
  }

  async kill(): Promise<void> {
    await this.generator.kill()
    await this.master.kill()
  }

  /** @returns the same error, with what the master has said last */
  explained(error: unknown): Error {
    const { kind } = this.master.underTest
    const said = this.master.lastWords(3)
    const text = error instanceof Error ? error.message : String(error)
    return new Error(`${kind}: ${text}${said === '' ? '' : `; it said: ${said}`}`, { cause: error })
  }
}

/** @throws Error that says which master's scenario failed, and how */
export async function duel(plan: DuelPlan): Promise<DuelRuns> {
  const folder = mkdtempSync(join(tmpdir(), 'magneto-bench-load-'))
  const sides: Partial<Record<Kind, Side>> = {}
  const each = async (
    act: (side: Side) => Promise<void>,
    order = Object.values(sides),
  ): Promise<void> => {
    for (const side of order)
      await act(side).catch((error: unknown) => Promise.reject(side.explained(error)))
  }
  try {
    for (const kind of ['magneto', 'apache'] as const) {
      const side = plan[kind]
      if (side !== null) sides[kind] = await Side.start(kind, side, plan, folder)
    }
    // Ours last: it gives up executors of which nothing was said for a minute, and Apache's may take longer to prepare.
    await each((side) => side.prepare(), Object.values(sides).toReversed())
    const rounds = Math.max(...Object.values(sides).map((side) => side.plan.runs))
    for (let round = 0; round < rounds; round += 1)
      await each((side) => (round < side.plan.runs ? side.run() : Promise.resolve()))
    await each((side) => (side.plan.isLeft ? Promise.resolve() : side.close()))
    return { magneto: sides.magneto?.result ?? null, apache: sides.apache?.result ?? null }
  } finally {
    for (const side of Object.values(sides)) await side.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}
