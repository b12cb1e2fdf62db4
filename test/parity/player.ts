import type { Row } from './row.js'
import type { Settings } from './settings.js'

/** One Master, driven row by row. */
export interface Player {
  /** Makes it a Master without workers, applications and drivers. */
  reset(settings: Settings): Promise<void>
  /** @returns what the row caused, as `peer what`, in the order that the Master sent it */
  play(row: Row): Promise<string[]>
}

/** The row means nothing to this Master. */
export class UnplayableError extends Error {
  override readonly name = 'UnplayableError'
}
