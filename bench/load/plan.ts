/** The benches with played peers, by name: their rows as they are planned, or shortened to try something out. */
import type { Figure } from '../figures.js'
import type { Kind } from '../masters.js'
import { duel, type DuelPlan, type SidePlan } from './duel.js'
import { figuresOf } from './figures-of.js'
import { type Row, rows } from './rows.js'
import { starts } from './start.js'

export interface LoadOptions {
  /** Whether Apache's is left out. */
  readonly alone: boolean
  /** null: as the plan says. */
  readonly runs: number | null
  /** Of the planned operations, to try something out: above 0, at most 1. */
  readonly share: number
}

function side(whole: SidePlan | null, { runs, share }: LoadOptions): SidePlan | null {
  if (whole === null) return null
  const { size } = whole
  return {
    ...whole,
    size: { ...size, operations: Math.max(Math.ceil(size.operations * share), size.concurrency) },
    runs: runs === null ? whole.runs : Math.min(runs, whole.runs),
    warmUpSeconds: whole.warmUpSeconds * share,
  }
}

function planned({ plan: whole }: Row, options: LoadOptions): DuelPlan {
  return {
    ...whole,
    magneto: side(whole.magneto, options),
    apache: options.alone ? null : side(whole.apache, options),
  }
}

/** The benches of this table, by name. */
export const loadBenches: Readonly<Record<string, (options: LoadOptions) => Promise<Figure[]>>> = {
  start: ({ alone, runs }) => {
    const kinds: Kind[] = alone ? ['magneto'] : ['magneto', 'apache']
    return starts(kinds, runs ?? 5)
  },
  ...Object.fromEntries(
    Object.entries(rows).map(([name, row]) => [
      name,
      async (options: LoadOptions) =>
        figuresOf(row.what, row.readings, await duel(planned(row, options))),
    ]),
  ),
}
