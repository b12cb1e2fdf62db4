/**
 * Looks something up in a stranger's page: one GET over the bare connection, read as far as it takes. Node's HTTP client costs
 * many times as much, and the master asks every Apache Worker that registers.
 */
import { TcpStreams, type Dialler, type TcpStream } from './tcp/streams.js'

/** Servers write a page in a few pieces; each one that comes makes us look through the page anew. */
const READS_MAX = 256
const HEAD_END = '\r\n\r\n'
const STATUS_OK = /^HTTP\/1\.[01] 200[ \r]/

export interface PageQuestion {
  /** A numeric address. */
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
  #streams: TcpStreams | null = null
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
    this.#streams ??= new TcpStreams()
    reading.start(this.#streams)
  }

  #ended(): void {
    this.#underWay--
    const [next] = this.#waiting
    if (next === undefined) return
    this.#waiting.delete(next)
    this.#start(next)
  }
}

class Reading implements Dialler {
  readonly #question: PageQuestion
  readonly #onEnd: (found: string | null) => void
  #stream: TcpStream | null = null
  #timer: NodeJS.Timeout | null = null
  #text = ''
  #reads = 0
  #isOver = false

  constructor(question: PageQuestion, onEnd: (found: string | null) => void) {
    this.#question = question
    this.#onEnd = onEnd
  }

  start(streams: TcpStreams): void {
    const { host, port, timeoutMs } = this.#question
    this.#timer = setTimeout(() => this.#end(null), timeoutMs).unref()
    try {
      this.#stream = streams.connect(host, port, this)
    } catch {
      setImmediate(() => this.#end(null))
    }
  }

  onConnected(): void {
    const { host, port, path } = this.#question
    const named = host.includes(':') ? `[${host}]` : host
    // An answer to HTTP/1.0 comes as it is, never in chunks (RFC 9112, 7.1), and ends with its connection.
    this.#stream!.write(Buffer.from(`GET ${path} HTTP/1.0\r\nHost: ${named}:${port}\r\n\r\n`))
  }

  receive(slab: Buffer, from: number, to: number): boolean {
    this.#reads++
    this.#text += slab.toString('latin1', from, to)
    const headBytes = this.#text.indexOf(HEAD_END) + HEAD_END.length
    if (headBytes >= HEAD_END.length) {
      const isPage = STATUS_OK.test(this.#text)
      const found = isPage ? this.#question.find(this.#text.slice(headBytes)) : null
      if (found !== null || !isPage) this.#end(found)
    }
    if (this.#text.length >= this.#question.maxBytes || this.#reads >= READS_MAX) this.#end(null)
    return false
  }

  onEnd(): void {
    this.#end(null)
  }

  onClosed(): void {
    this.#end(null)
  }

  /** @returns whether it was not over yet */
  stop(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#stream?.destroy()
    return true
  }

  #end(found: string | null): void {
    if (this.stop()) this.#onEnd(found)
  }
}
