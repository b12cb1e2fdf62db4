/**
 * Lines on their way to a file descriptor. What one turn of the event loop says is written at its end, in few calls, or
 * at once where it is an error; and when the process or thread ends. A pipe that nobody reads stops nothing: lines wait
 * for it, up to a bound, and how many were lost beyond that is said when it is read again.
 */
import { writeSync } from 'node:fs'

/** PIPE_BUF of Linux: a pipe takes so much as one piece, so that lines of several threads never mix. */
const MAX_WRITE_BYTES = 4096
/** What waits for a reader. */
const MAX_WAITING_BYTES = 4 * 2 ** 20
const RETRY_AFTER_MS = 10
/** How long an end waits for a reader. */
const MAX_LAST_WAIT_MS = 1000

export interface LineWriterOptions {
  /** As fs.writeSync: how many bytes it took; throws with code EAGAIN when it takes none now. */
  readonly write?: (bytes: Uint8Array) => number
  readonly maxWaitingBytes?: number
}

export class LineWriter {
  readonly #write: (bytes: Uint8Array) => number
  readonly #maxWaitingBytes: number
  /** Whole lines, in order. */
  #lines: string[] = []
  #length = 0
  /** What the descriptor has not taken of the piece before. */
  #rest: Uint8Array | null = null
  #lost = 0
  #scheduled = false
  #retry: NodeJS.Timeout | null = null

  constructor(descriptor: number, options: LineWriterOptions = {}) {
    this.#write = options.write ?? ((bytes) => writeSync(descriptor, bytes))
    this.#maxWaitingBytes = options.maxWaitingBytes ?? MAX_WAITING_BYTES
    process.on('exit', () => this.#finish())
  }

  /** @param line with its end; more than one where an error shows its stack */
  add(line: string): void {
    const full = this.#length + line.length > this.#maxWaitingBytes
    if (full && this.#retry === null) this.flush()
    if (this.#length + line.length > this.#maxWaitingBytes) {
      this.#lost += 1
      return
    }
    this.#lines.push(line)
    this.#length += line.length
    if (this.#scheduled || this.#retry !== null) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (this.#retry === null) this.flush()
    })
  }

  /** Writes what the descriptor takes; the rest follows when it takes more. */
  flush(): void {
    if (this.#drained() || this.#retry !== null) return
    // A daemon that ends does not stay for its log's sake: its end writes what it can.
    this.#retry = setTimeout(() => {
      this.#retry = null
      this.flush()
    }, RETRY_AFTER_MS).unref()
  }

  /** @returns whether nothing waits any more */
  #drained(): boolean {
    for (;;) {
      const piece = this.#rest ?? this.#nextPiece()
      if (piece === null) return true
      this.#rest = piece
      let taken: number
      try {
        taken = this.#write(piece)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false
        // When there is nobody to write to there is nobody to complain to, and a daemon must outlive its terminal.
        taken = piece.byteLength
      }
      this.#rest = taken < piece.byteLength ? piece.subarray(taken) : null
    }
  }

  /** Whole lines, as many as one write may have; one that is longer goes alone. */
  #nextPiece(): Uint8Array | null {
    if (this.#lines.length === 0) {
      if (this.#lost === 0) return null
      const notice = `${this.#lost} lines of the log were lost: nobody read it\n`
      this.#lost = 0
      return Buffer.from(notice)
    }
    let bytes = 0
    let count = 0
    for (const line of this.#lines) {
      bytes += Buffer.byteLength(line)
      if (count > 0 && bytes > MAX_WRITE_BYTES) break
      count += 1
    }
    const text = this.#lines.splice(0, count).join('')
    this.#length -= text.length
    return Buffer.from(text)
  }

  #finish(): void {
    const deadlineMs = performance.now() + MAX_LAST_WAIT_MS
    while (!this.#drained() && performance.now() < deadlineMs)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_AFTER_MS)
  }
}
