/**
 * Looks something up in a stranger's page: one GET over the bare socket, read as far as it takes. Node's HTTP client costs
 * four times as much, and the master asks every Apache Worker that registers.
 */
import { connect, type Socket } from 'node:net'

const READ_BYTES = 64 * 1024
/** Filled and looked at in one go, never kept: all sockets share it. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES)
/** Servers write a page in a few pieces; each one that comes makes us look through the page anew. */
const READS_MAX = 256
const HEAD_END = '\r\n\r\n'
const STATUS_OK = /^HTTP\/1\.[01] 200[ \r]/

export interface PageQuestion {
  readonly host: string
  readonly port: number
  readonly path: string
  /** Of the answer, its head included: more is not read. */
  readonly maxBytes: number
  /** From the start of the connection on. */
  readonly timeoutMs: number
  /** @param body what has come of the page @returns null: that does not tell */
  find(body: string): string | null
}

/** One for all that are asked. */
export class PageReader {
  readonly #atOnceMax: number
  readonly #waiting = new Set<Reading>()
  #underWay = 0

  /** @param atOnceMax connections; who is asked beyond them waits for one to end */
  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax
  }

  /**
   * @param onAnswer once, never before this returns; null: there is no page, or it does not tell
   * @returns stops the reading: nothing is answered
   */
  read(question: PageQuestion, onAnswer: (found: string | null) => void): () => void {
    const reading = new Reading(question, (found) => {
      this.#ended()
      onAnswer(found)
    })
    if (this.#underWay < this.#atOnceMax) this.#start(reading)
    else this.#waiting.add(reading)
    return () => {
      if (!this.#waiting.delete(reading) && reading.stop()) this.#ended()
    }
  }

  #start(reading: Reading): void {
    this.#underWay++
    reading.start()
  }

  #ended(): void {
    this.#underWay--
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next)
    this.#start(next)
  }
}

class Reading {
  readonly #question: PageQuestion
  readonly #onEnd: (found: string | null) => void
  #socket: Socket | null = null
  #timer: NodeJS.Timeout | null = null
  #text = ''
  #reads = 0
  #isOver = false

  constructor(question: PageQuestion, onEnd: (found: string | null) => void) {
    this.#question = question
    this.#onEnd = onEnd
  }

  start(): void {
    const { host, port, path, timeoutMs } = this.#question
    const end = (): void => this.#end(null)
    const socket = connect({
      host,
      port,
      autoSelectFamily: false,
      onread: { buffer: shared, callback: (bytes) => this.#read(bytes) },
    })
    this.#socket = socket
    this.#timer = setTimeout(end, timeoutMs).unref()
    socket.on('error', end)
    socket.on('close', end)
    const named = host.includes(':') ? `[${host}]` : host
    // An answer to HTTP/1.0 comes as it is, never in chunks (RFC 9112, 7.1), and ends with its connection.
    socket.write(`GET ${path} HTTP/1.0\r\nHost: ${named}:${port}\r\n\r\n`)
  }

  /** @returns whether it was not over yet */
  stop(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#socket?.destroy()
    return true
  }

  #read(bytes: number): boolean {
    if (this.#isOver) return false
    this.#reads++
    this.#text += shared.toString('latin1', 0, bytes)
    const headBytes = this.#text.indexOf(HEAD_END) + HEAD_END.length
    if (headBytes >= HEAD_END.length) {
      const isPage = STATUS_OK.test(this.#text)
      const found = isPage ? this.#question.find(this.#text.slice(headBytes)) : null
      if (found !== null || !isPage) this.#end(found)
    }
    if (this.#text.length >= this.#question.maxBytes || this.#reads >= READS_MAX) this.#end(null)
    return !this.#isOver
  }

  #end(found: string | null): void {
    if (this.stop()) this.#onEnd(found)
  }
}
