/** Figures as people read them, the same on all pages and in terminals. Pure. */

/** As Spark's pages do it: MiB below two GiB, then GiB with one digit. */
export function memoryText(memoryMb: number): string {
  if (memoryMb < 2048) return `${memoryMb.toFixed(1)} MiB`
  if (memoryMb < 2 * 1024 * 1024) return `${(memoryMb / 1024).toFixed(1)} GiB`
  return `${(memoryMb / 1024 / 1024).toFixed(1)} TiB`
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
