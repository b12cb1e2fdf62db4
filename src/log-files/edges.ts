/** Parts of a log without what is cut through at their ends. Pure. */
import type { LogPart } from './read.js'

const NEWLINE = 0x0a
const ESCAPE = 0x1b
/** Escape sequences that are longer are shown as they come. */
const MAX_ESCAPE_BYTES = 64

/** Which end joins what is shown already; `both`: neither does. */
export type Edge = 'both' | 'older' | 'newer'

/**
 * Whole characters and escape sequences; at the end that others will be joined to, whole lines where there are some.
 * Never empty when there is more beyond it.
 */
export function wholeAt(part: LogPart, edge: Edge): LogPart {
  const { bytes } = part
  const from = edge === 'newer' || part.start === 0 ? 0 : startWithin(bytes, edge)
  const to = edge === 'older' ? bytes.length : endWithin(part, edge)
  if (from < to) {
    return {
      ...part,
      start: part.start + from,
      end: part.start + to,
      bytes: bytes.subarray(from, to),
    }
  }
  // Nothing is left: at the very end the rest is still to come, elsewhere it is shown broken.
  if (part.end < part.total || edge === 'older') return part
  return { ...part, end: part.start, bytes: bytes.subarray(0, 0) }
}

function startWithin(bytes: Buffer, edge: Edge): number {
  if (edge === 'older') {
    const line = bytes.indexOf(NEWLINE) + 1
    if (line > 0 && line < bytes.length) return line
  }
  let at = 0
  while (at < 3 && isContinuation(bytes[at])) at += 1
  // What is no UTF-8 is not cut.
  return isContinuation(bytes[at]) ? 0 : at
}

function endWithin({ bytes, end, total }: LogPart, edge: Edge): number {
  if (edge === 'newer' && end < total) {
    const line = bytes.lastIndexOf(NEWLINE) + 1
    if (line > 0) return line
  }
  const escape = bytes.lastIndexOf(ESCAPE)
  if (escape >= 0 && bytes.length - escape <= MAX_ESCAPE_BYTES) {
    const rest = bytes.toString('latin1', escape)
    // oxlint-disable-next-line no-control-regex -- these are what is looked for
    if (/^\u001B(?:\[[0-?]*[ -/]*|\][^\u0007]*|[ -/]*)$/.test(rest)) return escape
  }
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (isContinuation(byte)) continue
    return lengthOfCharacter(byte) > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}

function lengthOfCharacter(lead: number): number {
  if (lead >= 0xf0 && lead < 0xf8) return 4
  if (lead >= 0xe0) return lead < 0xf0 ? 3 : 1
  return lead >= 0xc0 ? 2 : 1
}
