/** What all sinks are, and what the lines of Graphite and StatsD share. */
import type { Gauge } from '../spark-sources.js'

/** Tells them all. @param nowMs ms since the epoch @throws Error when it can't */
export type Sink = (gauges: readonly Gauge[], nowMs: number) => Promise<void> | void

export interface LineRules {
  readonly prefix: string
  readonly regex: string | null
}

/** Numbers whose name passes, under the names that go over the wire: blanks in them would end a field. */
export function wireGauges(gauges: readonly Gauge[], { prefix, regex }: LineRules): Gauge[] {
  const pattern = regex === null ? null : new RegExp(regex)
  return gauges
    .filter(({ name, value }) => typeof value === 'number' && (pattern?.test(name) ?? true))
    .map(({ name, value }) => ({ name: wireName(prefix, name), value }))
}

function wireName(prefix: string, name: string): string {
  const full = prefix === '' ? name : `${prefix}.${name}`
  return full.trim().replaceAll(/[\s\p{Cc}]+/gu, '-')
}
