/** What happened, one line an event. Off in bulk runs: a failing seed is replayed with it on. */
const linesKept = 20_000

export class Trace {
  readonly lines: string[] = []
  readonly #on: boolean
  readonly #nowMs: () => number
  readonly #startMs: number

  constructor(on: boolean, nowMs: () => number) {
    this.#on = on
    this.#nowMs = nowMs
    this.#startMs = nowMs()
  }

  get on(): boolean {
    return this.#on
  }

  /** @param what made only when it is kept */
  add(who: string, what: () => string): void {
    if (!this.#on) return
    const atMs = this.#nowMs() - this.#startMs
    this.lines.push(`${(atMs / 1000).toFixed(3).padStart(9)} ${who.padEnd(12)} ${what()}`)
    if (this.lines.length > linesKept) this.lines.splice(0, linesKept / 2)
  }
}

function shown(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  if (Array.isArray(value) && value.length > 40) return `${value.length} items`
  return value === null ? undefined : value
}

/** A message as one line. */
export function messageText(body: object): string {
  return `${body.constructor.name.replace(/T$/, '')} ${JSON.stringify(body, shown)}`
}
