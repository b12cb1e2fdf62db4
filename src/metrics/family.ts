/** What a metric is, and what of it is shown. Names and units are those of Prometheus: seconds, bytes, `_total`. */

export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** One sentence for operators. */
  readonly help: string
  /** The last word of the name, before `_total`, where it is a unit. */
  readonly unit?: 'seconds' | 'bytes'
}

/** A family whose values are counted as things happen. */
export interface RecordedFamily extends Family {
  readonly type: 'counter' | 'histogram'
  /** One value for each; absent: one without a label. */
  readonly label?: { readonly name: string; readonly values: readonly string[] }
  /** Of a histogram: upper bounds of its buckets, ascending; what is above them all is counted too. */
  readonly bounds?: readonly number[]
}

/** As `name="value"`, several with commas between; none: ''. */
export type Labels = string

export interface HistogramValue {
  readonly bounds: readonly number[]
  /** For each bound, and for what is above them: how many fell into that bucket alone. */
  readonly counts: readonly number[]
  readonly sum: number
}

export type Sample = readonly [Labels, number | HistogramValue]

export interface Sampled {
  readonly family: Family
  /** None: nothing is known of it now, and the family is left out. */
  readonly samples: readonly Sample[]
}

export function labels(pairs: Readonly<Record<string, string>>): Labels {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}="${labelText(value)}"`)
    .join(',')
}

function labelText(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
