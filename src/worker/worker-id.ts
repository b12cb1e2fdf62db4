/** Names of workers (P40). */

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** @param pattern three places in order: `%s` local time, `%s` host, `%d` port @param now in local time */
export function workerId(pattern: string, now: Date, host: string, port: number): string {
  const time = [
    String(now.getFullYear()).padStart(4, '0'),
    ...[now.getMonth() + 1, now.getDate(), now.getHours(), now.getMinutes()].map(two),
    two(now.getSeconds()),
  ].join('')
  const values = [time, host, String(port)]
  return pattern.replaceAll(
    /%%|%(?:\d+\$)?(0?)(\d*)[sd]/g,
    (place, zero: string, width: string) => {
      if (place === '%%') return '%'
      const value = values.shift() ?? ''
      return width === '' ? value : value.padStart(Number(width), zero === '0' ? '0' : ' ')
    },
  )
}
