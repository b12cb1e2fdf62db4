/** Figures as people read them. Pure. */
import type { ResourceAmountT, ResourceT } from '../schema/magneto.js'

export { durationText, memoryText } from '../http/figures.js'

/** `gpu: [0, 1]` */
export function resourcesText(resources: readonly ResourceT[]): string {
  return resources.map(({ name, addresses }) => `${name}: [${addresses.join(', ')}]`).join('; ')
}

/** `2 gpu` */
export function amountsText(amounts: readonly ResourceAmountT[]): string {
  return amounts.map(({ name, amount }) => `${amount} ${name}`).join(', ')
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
