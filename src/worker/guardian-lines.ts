/**
 * The words to a worker's guardian. An executor says itself that it starts (launcher/guarded-command.ts); the thread
 * that watches it says that it ended, by a plain write to a descriptor that the whole process shares.
 */
import { fstatSync, writeSync } from 'node:fs'

/** How long a guardian that does not read is left alone before it is told the rest. */
const RETRY_MS = 1000

export class GuardianLines {
  readonly fd: number
  /** Names the pipe, and with it the worker: of all that are open now this one alone has it. In every thread the same. */
  readonly nonce: string
  /** What a full pipe didn't take, oldest first; at most two lines an executor. */
  readonly #owed: string[] = []
  #retry: NodeJS.Timeout | null = null

  /** @param fd the end of the guardian's pipe that is written; it does not block */
  constructor(fd: number) {
    this.fd = fd
    const { dev, ino } = fstatSync(fd)
    this.nonce = `${dev}-${ino}`
  }

  /** The process group of that number is to end with this worker. */
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
        writeSync(this.fd, line)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
        this.#retry = setTimeout(() => this.#pay(), RETRY_MS).unref()
        return
      }
      this.#owed.shift()
    }
  }
}
