/** What rolled logs are called (W12), and which of them is older. Pure. */

export interface RolledName {
  /** Without `.gz`. */
  plain: string
  compressed: boolean
}

interface Parsed extends RolledName {
  /** Date, time, milliseconds: texts of fixed width, empty where the form has none. */
  stamp: readonly [string, string, string]
  /** Among those of the same stamp; -1 for the first, which has none. */
  number: number
}

/**
 * `--yyyy-MM-dd[--HH[-mm[-ss[--0SSS]]]][--n][.gz]`. A number has no leading zero, so it is mistaken for an hour
 * at most (`--10` of a daily log), which sorts it to the same place.
 */
const SUFFIX =
  /^--(\d{4}-\d\d-\d\d)(?:--(\d\d(?:-\d\d){0,2})(?:--(0\d{3}))?)?(?:--(0|[1-9]\d{0,9}))?(\.gz)?$/

function parsed(name: string, active: string): Parsed | null {
  if (!name.startsWith(active)) return null
  const match = SUFFIX.exec(name.slice(active.length))
  if (match === null) return null
  const [, date = '', time = '', millis = '', number, gz = ''] = match
  return {
    plain: gz === '' ? name : name.slice(0, -gz.length),
    compressed: gz !== '',
    stamp: [date, time, millis],
    number: Number(number ?? -1),
  }
}

function compare(a: Parsed, b: Parsed): number {
  for (const [at, mine] of a.stamp.entries()) {
    const other = b.stamp[at] ?? ''
    if (mine !== other) return mine < other ? -1 : 1
  }
  return a.number - b.number
}

/**
 * @param names all that is in the folder
 * @param active the log that is written to, such as `stdout`; it is not among the result
 * @returns oldest first, each once: while a log is being compressed there are two of it, and only the plain one is whole
 */
export function rolledNames(names: readonly string[], active: string): RolledName[] {
  const logs = new Map<string, Parsed>()
  for (const name of names) {
    const log = parsed(name, active)
    if (log !== null && !(log.compressed && logs.has(log.plain))) logs.set(log.plain, log)
  }
  return [...logs.values()]
    .toSorted(compare)
    .map(({ plain, compressed }) => ({ plain, compressed }))
}
