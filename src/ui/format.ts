/** Figures as people read them. Pure. */
import type { ResourceAmountT, ResourceT } from '../schema/magneto.js'

export { memoryText } from '../http/figures.js'

/** `gpu: [0, 1]` */
export function resourcesText(resources: readonly ResourceT[]): string {
  return resources.map(({ name, addresses }) => `${name}: [${addresses.join(', ')}]`).join('; ')
}

/** `2 gpu` */
export function amountsText(amounts: readonly ResourceAmountT[]): string {
  return amounts.map(({ name, amount }) => `${amount} ${name}`).join(', ')
}

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs

export function durationText(ms: number): string {
  if (ms < secondMs) return `${ms} ms`
  if (ms < minuteMs) return `${(ms / secondMs).toFixed(0)} s`
  if (ms < hourMs) return `${(ms / minuteMs).toFixed(1)} min`
  return `${(ms / hourMs).toFixed(1)} h`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** Local time, `2026/11/21 05:00:00`. */
export function timeText(ms: number): string {
  const date = new Date(ms)
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
