/**
 * The words to a worker's guardian, written from where an executor starts and ends. Plain writes to a descriptor
 * that the whole process shares: a thread needs no other thread for it, so nothing can come in between.
 */
import { writeSync } from 'node:fs'

/** How long a guardian that does not read is left alone before it is told the rest. */
const RETRY_MS = 1000

export class GuardianLines {
  readonly #fd: number
  /** What a full pipe didn't take, oldest first; at most two lines an executor. */
  readonly #owed: string[] = []
  #retry: NodeJS.Timeout | null = null

  /** @param fd the end of the guardian's pipe that is written; it does not block */
  constructor(fd: number) {
    this.#fd = fd
  }

  /** The process group of that number is to end with this worker. To be called right after its start. */
  started(pid: number): void {
    this.#write(`+${pid}\n`)
  }

  /** It is gone. To be called right after its end: the number may soon be somebody else's. */
  ended(pid: number): void {
    this.#write(`-${pid}\n`)
  }

  /** Lines that wait for a guardian that does not read. */
  get owed(): number {
    return this.#owed.length
  }

  /** Nothing is written any more. */
  close(): void {
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#retry = null
    this.#owed.length = 0
  }

  #write(line: string): void {
    this.#owed.push(line)
    if (this.#retry === null) this.#pay()
  }

  #pay(): void {
    this.#retry = null
    for (let line = this.#owed[0]; line !== undefined; line = this.#owed[0]) {
      try {
        // Below PIPE_BUF: written whole or not at all, whoever else writes.
        writeSync(this.#fd, line)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
        this.#retry = setTimeout(() => this.#pay(), RETRY_MS).unref()
        return
      }
      this.#owed.shift()
    }
  }
}
