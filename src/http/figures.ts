/** Figures as people read them, the same on all pages. Pure. */

/** As Spark's pages do it: MiB below two GiB, then GiB with one digit. */
export function memoryText(memoryMb: number): string {
  if (memoryMb < 2048) return `${memoryMb.toFixed(1)} MiB`
  if (memoryMb < 2 * 1024 * 1024) return `${(memoryMb / 1024).toFixed(1)} GiB`
  return `${(memoryMb / 1024 / 1024).toFixed(1)} TiB`
}
