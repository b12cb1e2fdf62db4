/** `spark://h1:p1[,h2:p2]`: one prefix for the entire list (C8). */
import { quoted, UsageError } from './errors.js'
import { parseHost } from './host.js'

const PREFIX = 'spark://'

const MAX_MASTERS = 64

const MAX_PORT = 65_535

/** @returns the URL without blanks @throws UsageError */
export function parseMasterUrl(text: string): string {
  const bad = (why: string): UsageError =>
    new UsageError(
      `bad master ${quoted(text)}: ${why}; expected spark://host:port or spark://host1:port1,host2:port2`,
    )
  const url = text.trim()
  if (!url.startsWith(PREFIX)) throw bad(`it does not start with ${PREFIX}`)
  const parts = url.slice(PREFIX.length).split(',')
  if (parts.length > MAX_MASTERS) throw bad(`it lists more than ${MAX_MASTERS} masters`)
  const masters = parts.map((part) => {
    const match = /^(.*):([0-9]{1,5})$/.exec(part.trim())
    if (match?.[1] === undefined) throw bad(`${quoted(part)} has no port`)
    const port = Number(match[2])
    if (port < 1 || port > MAX_PORT) throw bad(`${match[2]} is no port`)
    return `${parseHost(match[1], 'the master')}:${port}`
  })
  return PREFIX + masters.join(',')
}
