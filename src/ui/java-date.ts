/** Dates as Java's `Date.toString` writes them, which is what Spark's JSON carries (spec J3). */

// Java names a zone as people there do (CET, IST), Intl only in the English of that region.
const regions = ['en-US', 'en-GB', 'en-AU', 'en-IN', 'en-CA', 'en-NZ', 'en-ZA', 'en-KE']

function formatter(region: string, timeZone: string | undefined): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(region, {
    ...(timeZone === undefined ? {} : { timeZone }),
    weekday: 'short',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    year: 'numeric',
    timeZoneName: 'short',
  })
}

const formatters = new Map<string, Intl.DateTimeFormat[]>()

function formattersFor(timeZone: string | undefined): Intl.DateTimeFormat[] {
  const key = timeZone ?? ''
  let found = formatters.get(key)
  if (found === undefined) {
    found = regions.map((region) => formatter(region, timeZone))
    formatters.set(key, found)
  }
  return found
}

/**
 * @param ms since the epoch
 * @param timeZone an IANA name; the process's own when left out
 * @returns for example `Sat Nov 21 05:00:00 UTC 2026`
 */
export function javaDateText(ms: number, timeZone?: string): string {
  const parts = new Map<string, string>()
  const [first, ...others] = formattersFor(timeZone)
  for (const part of first?.formatToParts(ms) ?? []) parts.set(part.type, part.value)
  let zone = parts.get('timeZoneName') ?? 'UTC'
  for (const other of others) {
    if (!/^GMT[+-]/.test(zone)) break
    zone = other.formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? zone
  }
  const of = (type: string) => parts.get(type) ?? ''
  const clock = `${of('hour')}:${of('minute')}:${of('second')}`
  return `${of('weekday')} ${of('month')} ${of('day')} ${clock} ${zone} ${of('year')}`
}
