/** The executors that live on this worker, the applications that they belong to, and the last ones that ended. */
import * as schema from '../schema/magneto.js'
import { FinishedNames } from './finished-names.js'
import type { ExecutorKey } from './machine-events.js'

/** What a launch order gives an executor. */
export interface ExecutorFacts {
  readonly appId: string
  readonly executorId: number
  readonly profileId: number
  readonly cores: number
  readonly memoryMb: number
  /** The addresses that it was given. */
  readonly resources: readonly schema.ResourceT[]
}

/** One executor that lives, or is about to. */
export interface Executor extends ExecutorFacts {
  state: schema.ExecutorState.LAUNCHING | schema.ExecutorState.RUNNING
  killing: boolean
  pid: number | null
}

interface Application {
  /** Executors of it that live here. */
  executors: Set<string>
  finished: boolean
  /** The master lost sight of this worker since its last launch: ApplicationFinished may be missing. */
  uncertain: boolean
}

export const MAX_EXECUTORS = 4096
/** Ended executors that are remembered, to tell duplicates (P37). */
export const MAX_FINISHED_EXECUTORS = 1000

export function nameOf({ appId, executorId }: ExecutorKey): string {
  return `${appId}/${executorId}`
}

export function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(`worker state is broken: ${what}`)
}

export class ExecutorTable {
  readonly #executors = new Map<string, Executor>()
  readonly #applications = new Map<string, Application>()
  readonly #finished = new FinishedNames(MAX_FINISHED_EXECUTORS)

  get size(): number {
    return this.#executors.size
  }

  values(): Executor[] {
    return [...this.#executors.values()]
  }

  applicationIds(): string[] {
    return [...this.#applications.keys()]
  }

  get(key: ExecutorKey): Executor | undefined {
    return this.#executors.get(nameOf(key))
  }

  /** Whether it lives, or has ended not long ago. */
  knows(key: ExecutorKey): boolean {
    const name = nameOf(key)
    return this.#executors.has(name) || this.#finished.has(name)
  }

  add(facts: ExecutorFacts): void {
    const name = nameOf(facts)
    const { LAUNCHING } = schema.ExecutorState
    this.#executors.set(name, { ...facts, state: LAUNCHING, killing: false, pid: null })
    const application = this.#applications.get(facts.appId)
    if (application === undefined) {
      const executors = new Set([name])
      this.#applications.set(facts.appId, { executors, finished: false, uncertain: false })
    } else {
      application.executors.add(name)
      application.uncertain = false
    }
  }

  /** It has ended; from now on it is only remembered. */
  end(key: ExecutorKey): void {
    const name = nameOf(key)
    this.#executors.delete(name)
    this.#finished.add(name)
    this.#applications.get(key.appId)?.executors.delete(name)
  }

  /** The master has said that it is over. */
  finish(appId: string): void {
    const application = this.#applications.get(appId)
    if (application !== undefined) application.finished = true
  }

  /** The master may end applications without this worker's hearing of it. */
  doubtAll(): void {
    for (const application of this.#applications.values()) application.uncertain = true
  }

  /**
   * Forgets an application of which nothing lives here and nothing is to come.
   *
   * @param ending nothing is to come of any
   * @returns whether it was forgotten: its scratch folders can go (W3)
   */
  release(appId: string, ending: boolean): boolean {
    const application = this.#applications.get(appId)
    if (application === undefined || application.executors.size > 0) return false
    if (!application.finished && !application.uncertain && !ending) return false
    return this.#applications.delete(appId)
  }

  /** @throws Error naming the first broken invariant */
  check(): void {
    assert(this.#executors.size <= MAX_EXECUTORS, 'too many executors')
    assert(this.#finished.size <= MAX_FINISHED_EXECUTORS, 'too many ended executors')
    let counted = 0
    for (const [appId, application] of this.#applications) {
      counted += application.executors.size
      for (const name of application.executors) {
        assert(this.#executors.get(name)?.appId === appId, `${name} of ${appId} is unknown`)
        assert(!this.#finished.has(name), `${name} lives and has ended`)
      }
      const idle = application.executors.size === 0
      assert(!idle || !application.finished, `${appId} is over and not cleaned up`)
    }
    assert(counted === this.#executors.size, 'executors and applications disagree')
  }
}
