/** What every bench reports, and the statistics it is made of. */

/** What runs of the same thing have shown. */
export interface Spread {
  /** The median of the runs. */
  readonly value: number
  readonly min: number
  readonly max: number
  readonly runs: number
}

/** What is to be reached, in the figure's unit, or as a share of what Apache needs in the same run. */
export type Aim =
  | { readonly atMost: number }
  | { readonly atLeast: number }
  | { readonly atMostOfApache: number }

export interface Figure {
  name: string
  value: number
  unit: string
  /** Under which conditions, and what limits it. */
  note: string
  /** Absent: it was measured once. */
  spread?: Spread
  /** The same of Apache's Master or Worker, measured in turns with ours. */
  apache?: Spread
  aim?: Aim
}

/** What was to be measured and was not. */
export interface Failure {
  readonly name: string
  readonly reason: string
}

/** @throws RangeError for an empty list */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort()
  const found = sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
  if (found === undefined) throw new RangeError('no values to take a quantile of')
  return found
}

export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5)
}

/** @throws RangeError for an empty list */
export function spreadOf(values: readonly number[]): Spread {
  return {
    value: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    runs: values.length,
  }
}

/** @returns null when there is no aim, or none that this run can tell */
export function isMet({ value, apache, aim }: Figure): boolean | null {
  if (aim === undefined) return null
  if ('atMost' in aim) return value <= aim.atMost
  if ('atLeast' in aim) return value >= aim.atLeast
  return apache === undefined ? null : value <= apache.value * aim.atMostOfApache
}

/** How many times better ours is; below 1 it is worse. @param figure whose aim says which way is better */
export function advantage({ value, unit, apache }: Figure): number | null {
  if (apache === undefined || value === 0 || apache.value === 0) return null
  return isRate(unit) ? value / apache.value : apache.value / value
}

/** Of a rate more is better, of everything else less. */
function isRate(unit: string): boolean {
  return unit.endsWith('/s')
}

/** Three digits, or all of a whole number. */
export function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}
