/** What every bench reports. */
export interface Figure {
  name: string
  value: number
  unit: string
  /** Under which conditions, and what limits it. */
  note: string
}

/** @throws RangeError for an empty list */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const found = sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
  if (found === undefined) throw new RangeError('no values to take a quantile of')
  return found
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}
