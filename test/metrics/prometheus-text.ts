/** A strict reader of Prometheus' text format and of OpenMetrics: every line must be right, and all lines together. */

export interface ReadFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string | null
  /** By the name of the sample with its labels, as they stand there. */
  readonly samples: Map<string, number>
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)$/

const SUFFIXES: Record<string, string[]> = {
  counter: ['', '_total'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
}

/** @throws Error naming the line that is wrong */
export function readPrometheus(text: string, format: 'prometheus' | 'openmetrics'): ReadFamily[] {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new Error('the last line has no end')
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('no # EOF at the end')
  const families: { -readonly [Key in keyof ReadFamily]: ReadFamily[Key] }[] = []
  for (const line of lines) {
    const [, keyword, name, rest] = /^# (HELP|TYPE|UNIT) (\S+) (.+)$/.exec(line) ?? []
    const last = families.at(-1)
    if (keyword === 'HELP') {
      if (!NAME.test(name!)) throw new Error(`bad name: ${line}`)
      if (families.some((one) => one.name === name)) throw new Error(`twice: ${line}`)
      families.push({ name: name!, type: '', help: rest!, unit: null, samples: new Map() })
    } else if (last === undefined || (keyword !== undefined && name !== last.name)) {
      throw new Error(`out of place: ${line}`)
    } else if (keyword === 'TYPE') {
      if (!Object.hasOwn(SUFFIXES, rest!)) throw new Error(`unknown type: ${line}`)
      last.type = rest!
    } else if (keyword === 'UNIT') {
      if (format !== 'openmetrics' || !last.name.endsWith(`_${rest}`))
        throw new Error(`bad unit: ${line}`)
      last.unit = rest!
    } else addSample(last, line, format)
  }
  for (const family of families) check(family)
  return families
}

function addSample(family: ReadFamily, line: string, format: string): void {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? []
  if (name === undefined) throw new Error(`not a sample: ${line}`)
  const suffix = name.startsWith(family.name) ? name.slice(family.name.length) : 'another'
  const isTotal = format === 'openmetrics' ? suffix === '_total' : suffix === ''
  if (!SUFFIXES[family.type]?.includes(suffix) || (family.type === 'counter' && !isTotal))
    throw new Error(`not of ${family.name} (${family.type}): ${line}`)
  const key = labels === '' ? name : `${name}{${labels}}`
  if (family.samples.has(key)) throw new Error(`twice: ${line}`)
  const number = value === '+Inf' ? Infinity : Number(value)
  if (Number.isNaN(number)) throw new Error(`not a number: ${line}`)
  family.samples.set(key, number)
}

function check(family: ReadFamily): void {
  const { name, type, samples } = family
  if (samples.size === 0) throw new Error(`${name} has no samples`)
  if (type === 'counter' && [...samples.values()].some((value) => value < 0))
    throw new Error(`${name} counts backwards`)
  if (type !== 'histogram') return
  const series = new Map<string, [bound: number, count: number][]>()
  for (const [key, count] of samples) {
    const [, before = '', bound] = /_bucket\{(.*?),?le="([^"]+)"\}$/.exec(key) ?? []
    if (bound === undefined) continue
    const buckets = series.get(before) ?? []
    buckets.push([bound === '+Inf' ? Infinity : Number(bound), count])
    series.set(before, buckets)
  }
  if (series.size === 0) throw new Error(`${name} has no buckets`)
  for (const [labels, buckets] of series) {
    const rises = buckets.every(
      ([bound, count], at) =>
        at === 0 || (bound > buckets[at - 1]![0] && count >= buckets[at - 1]![1]),
    )
    const key = labels === '' ? '' : `{${labels}}`
    const [bound, count] = buckets.at(-1)!
    if (!rises || bound !== Infinity)
      throw new Error(`buckets of ${name}${key} do not rise to +Inf`)
    if (samples.get(`${name}_count${key}`) !== count) throw new Error(`${name}${key}: wrong count`)
    if (!samples.has(`${name}_sum${key}`)) throw new Error(`${name}${key} has no sum`)
  }
}

/** @returns the values of all families, by name with labels */
export function valuesOf(families: readonly ReadFamily[]): Record<string, number> {
  return Object.fromEntries(families.flatMap(({ samples }) => [...samples]))
}
