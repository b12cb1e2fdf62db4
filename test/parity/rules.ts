/**
 * Differences that are meant wherever they occur. A rule takes what it explains out of both outcomes, and no
 * more than that; how often each did is told at the end of a run.
 */
import type { Row } from './row.js'

export interface Outcomes {
  readonly apache: readonly string[]
  readonly magneto: readonly string[]
}

interface Rule {
  readonly why: string
  readonly side: keyof Outcomes
  /** Is this effect of that side explained? */
  readonly explains: (effect: string, known: Known, row: Row) => boolean
}

interface Known {
  /** Executors, as APP/EXECUTOR, that stayed on a decommissioned worker. */
  readonly executors: ReadonlySet<string>
  /** Those of them that are gone: reported dead, or told to die by us. */
  readonly ended: ReadonlySet<string>
  /** Drivers that were told to die before. */
  readonly dying: ReadonlySet<string>
  /** Where an application was ever launched, as WORKER APP. */
  readonly hosts: ReadonlySet<string>
}

const KILL = /^\S+ KillExecutor (\S+)$/
const KILL_DRIVER = /^\S+ KillDriver (\S+)$/
const LAUNCH = /^(\S+) LaunchExecutor (\S+)\/\d+ /
const FINISHED = /^(\S+) ApplicationFinished (\S+)$/
const LOST = /^(\S+) ExecutorUpdated (\d+) LOST /
const DECOMMISSIONED = /^(\S+) ExecutorUpdated (\d+) DECOMMISSIONED /

const RULES: readonly Rule[] = [
  {
    why:
      'D3, L3, A17: what a decommissioned worker still runs is killed with its application and on ' +
      'request; Apache has forgotten whose it is, and it runs on',
    side: 'magneto',
    explains: (effect, { executors }) => executors.has(KILL.exec(effect)?.[1] ?? ''),
  },
  {
    why: 'D5, L6: an executor that ended on a decommissioned worker is not lost again with the worker',
    side: 'apache',
    explains: (effect, { ended }) => {
      const [, app, id] = LOST.exec(effect) ?? []
      return ended.has(`${app}/${id}`)
    },
  },
  {
    why: 'L8, M16: a driver that its worker still has is told to die again; Apache asks once',
    side: 'magneto',
    explains: (effect, { dying }, row) =>
      row.verb === 'latest' && dying.has(KILL_DRIVER.exec(effect)?.[1] ?? ''),
  },
  {
    why: 'L3, M17: a worker that never had an executor of it does not hear that an application has ended',
    side: 'apache',
    explains: (effect, { hosts }) => {
      const [, worker, app] = FINISHED.exec(effect) ?? []
      return worker !== undefined && !hosts.has(`${worker} ${app}`)
    },
  },
]

/** One history's rules: they know what became of executors. */
export class MeantRules {
  readonly #counts: Map<string, number>
  readonly #executors = new Set<string>()
  readonly #ended = new Set<string>()
  readonly #dying = new Set<string>()
  readonly #hosts = new Set<string>()

  /** @param counts how often each rule explained something, by its reason */
  constructor(counts: Map<string, number>) {
    this.#counts = counts
  }

  /** @returns the outcomes of the row without what is explained */
  apply(row: Row, { apache, magneto }: Outcomes): Outcomes {
    for (const effect of apache) {
      const [, worker, app] = LAUNCH.exec(effect) ?? []
      if (worker !== undefined) this.#hosts.add(`${worker} ${app}`)
    }
    for (const effect of magneto) {
      const [, app, id] = DECOMMISSIONED.exec(effect) ?? []
      if (app !== undefined) this.#executors.add(`${app}/${id}`)
      const killed = KILL.exec(effect)?.[1]
      if (killed !== undefined && this.#executors.has(killed)) this.#ended.add(killed)
    }
    const reported = row.words[1] ?? ''
    if (row.verb === 'state' && this.#executors.has(reported) && row.words[2] !== 'RUNNING')
      this.#ended.add(reported)
    const said = new Set(apache.filter((effect) => magneto.includes(effect)))
    const left = (side: keyof Outcomes, effects: readonly string[]): string[] =>
      effects.filter((effect) => said.has(effect) || !this.#explained(side, effect, row))
    const outcomes = { apache: left('apache', apache), magneto: left('magneto', magneto) }
    for (const effect of magneto) {
      const dying = row.verb === 'latest' ? undefined : KILL_DRIVER.exec(effect)?.[1]
      if (dying !== undefined) this.#dying.add(dying)
    }
    return outcomes
  }

  #explained(side: keyof Outcomes, effect: string, row: Row): boolean {
    const known = {
      executors: this.#executors,
      ended: this.#ended,
      dying: this.#dying,
      hosts: this.#hosts,
    }
    const rule = RULES.find((each) => each.side === side && each.explains(effect, known, row))
    if (rule === undefined) return false
    this.#counts.set(rule.why, (this.#counts.get(rule.why) ?? 0) + 1)
    return true
  }
}

export function rulesText(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([why, count]) => `differed ${count} times, as meant: ${why}`).join('\n')
}
