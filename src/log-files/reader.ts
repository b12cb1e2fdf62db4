/** Reads logs for many at once without giving them the machine: file reads and inflating share four threads with all else. */
import { PlainLengths } from './plain-length.js'
import type { WantedRange } from './range.js'
import { LogUnavailable, readLog, type LogPart } from './read.js'

const READS_AT_ONCE = 2
const MAX_WAITING = 64

export class LogReader {
  readonly #lengths: PlainLengths
  readonly #waiting: (() => void)[] = []
  #reading = 0

  /** @param rememberedLengths of compressed files that had to be read for them (P38) */
  constructor(rememberedLengths: number) {
    this.#lengths = new PlainLengths(rememberedLengths)
  }

  /**
   * @param active the name of the log that is written to, such as `stdout`
   * @param maxBytes that are read, however much is wanted; absent: MAX_RANGE_BYTES
   * @returns null when there is no such log
   * @throws LogUnavailable when too many wait, or it moves too fast @throws Error of the file system
   */
  async read(
    folder: string,
    active: string,
    wanted: WantedRange,
    maxBytes?: number,
  ): Promise<LogPart | null> {
    await this.#turn()
    try {
      return await readLog(folder, active, wanted, this.#lengths, maxBytes)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#reading -= 1
      else next()
    }
  }

  /** Whoever waits is handed the turn of one that has ended. */
  async #turn(): Promise<void> {
    if (this.#reading < READS_AT_ONCE) {
      this.#reading += 1
      return
    }
    if (this.#waiting.length >= MAX_WAITING) {
      throw new LogUnavailable(`${MAX_WAITING} others wait for logs already; try again`)
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
