/** Events of a server or link as a list that a test can wait on. */
import { pino } from 'pino'
import type { Logger } from '../../src/log/logger.js'

export class Recorder<Event> {
  readonly events: Event[] = []
  #waiting: (() => void)[] = []

  add(event: Event): void {
    this.events.push(event)
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** The first event from index `from` on that fits. */
  async next(fits: (event: Event) => boolean, from = 0): Promise<Event> {
    for (;;) {
      const found = this.events.slice(from).find(fits)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
  }
}

/** A logger whose lines end in `lines`. */
export function recordingLog(lines: string[] = []): Logger {
  return pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
}
