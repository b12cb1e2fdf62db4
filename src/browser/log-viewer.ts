/**
 * Makes a log page live (U8, U24): older and newer parts come as it is scrolled, and what is written appears. Without it
 * the links of the page lead to the same parts. Markup comes escaped from the server (src/log-files/page.ts).
 */

/** What `/logPart` answers; offsets in bytes of the whole log. */
interface Part {
  start: number
  end: number
  total: number
  markup: string
}

interface Shown {
  element: HTMLElement
  start: number
  end: number
}

const FOLLOW_MS = 1_000
const FAILED_MS_MAX = 16_000
/** Parts in the page; older or newer ones go when there are more. */
const PARTS_MAX = 12
const NEAR_PX = 400
/** So near to the end means: the reader wants to see what comes. */
const AT_END_PX = 40

function found<T extends Element>(selector: string, type: new () => T): T {
  const element = document.querySelector(selector)
  if (element instanceof type) return element
  throw new Error(`${selector} is missing on this page`)
}

class LogViewer {
  readonly #box = found('#log', HTMLPreElement)
  readonly #range = found('#log-range', HTMLElement)
  readonly #status = found('#log-status', HTMLElement)
  readonly #follow = found('#log-follow', HTMLInputElement)
  readonly #partUrl = new URL(this.#box.dataset['part'] ?? '', location.href)
  readonly #partBytes = Number(this.#box.dataset['length'])
  #shown: Shown[]
  #total = Number(this.#box.dataset['total'])
  #busy = false
  /** Somebody asked for more while a request was under way. */
  #missed = false
  #failures = 0

  constructor() {
    const element = document.createElement('span')
    element.append(...this.#box.childNodes)
    this.#box.append(element)
    const { start, end } = this.#box.dataset
    this.#shown = [{ element, start: Number(start), end: Number(end) }]
  }

  run(): void {
    this.#box.classList.add('live')
    found('#log-live', HTMLElement).hidden = false
    this.#follow.checked = this.#end === this.#total
    if (this.#follow.checked) this.#toEnd()
    this.#box.addEventListener('scroll', () => void this.#fill())
    this.#follow.addEventListener('change', () => void this.#tick())
    this.#schedule()
    void this.#fill()
  }

  get #start(): number {
    return this.#shown[0]?.start ?? 0
  }

  get #end(): number {
    return this.#shown.at(-1)?.end ?? 0
  }

  #schedule(): void {
    const delayMs = Math.min(FOLLOW_MS * 2 ** this.#failures, FAILED_MS_MAX)
    setTimeout(() => void this.#tick().finally(() => this.#schedule()), delayMs)
  }

  /** What follows, or all anew when the reader is far from the end; without following, what failed before. */
  async #tick(): Promise<void> {
    if (document.hidden) return
    if (!this.#follow.checked) return this.#failures > 0 ? this.#fill() : undefined
    await this.#alone(async () => {
      const near = this.#total - this.#end <= this.#partBytes
      const follows = (): boolean => this.#follow.checked
      if (near) await this.#addNewer(follows)
      else await this.#startAnew(follows)
    })
  }

  /** Loads what the reader has come near to. */
  async #fill(): Promise<void> {
    const { scrollTop, scrollHeight, clientHeight } = this.#box
    const belowPx = scrollHeight - scrollTop - clientHeight
    const older = scrollTop < NEAR_PX && this.#start > 0
    const newer = belowPx < NEAR_PX && this.#end < this.#total
    if (!older && !newer) return
    const before = [this.#start, this.#end]
    const done = await this.#alone(() => (older ? this.#addOlder() : this.#addNewer()))
    // There may be room for more; what brought nothing is not asked for again at once.
    const moved = before[0] !== this.#start || before[1] !== this.#end
    if (done && moved) void this.#fill()
  }

  /**
   * One request at a time. A reader who has come near to an end meanwhile makes no further scroll event there: what he
   * missed is loaded after it.
   *
   * @returns false when another is under way, or it failed
   */
  async #alone(load: () => Promise<void>): Promise<boolean> {
    if (this.#busy) {
      this.#missed = true
      return false
    }
    this.#busy = true
    this.#missed = false
    try {
      await load()
      this.#failures = 0
      this.#say('')
      return true
    } catch (error) {
      this.#failures += 1
      this.#say(`The log can't be loaded just now: ${(error as Error).message}. Trying again.`)
      return false
    } finally {
      this.#busy = false
      if (this.#missed && this.#failures === 0) void this.#fill()
    }
  }

  async #fetch(range: Record<string, string>): Promise<Part> {
    const url = new URL(this.#partUrl)
    for (const [name, value] of Object.entries(range)) url.searchParams.set(name, value)
    const response = await fetch(url, { headers: { Accept: 'application/json' } })
    if (!response.ok) throw new Error((await response.text()).trim())
    return (await response.json()) as Part
  }

  async #addOlder(): Promise<void> {
    const offset = Math.max(0, this.#start - this.#partBytes)
    const byteLength = this.#start - offset
    const part = await this.#fetch({
      offset: String(offset),
      byteLength: String(byteLength),
      edge: 'older',
    })
    if (part.end !== this.#start) return this.#startAnew()
    const element = elementOf(part)
    const beforePx = this.#box.scrollHeight
    this.#box.prepend(element)
    this.#shown.unshift({ element, start: part.start, end: part.end })
    this.#box.scrollTop += this.#box.scrollHeight - beforePx
    if (this.#shown.length > PARTS_MAX) {
      this.#shown.pop()?.element.remove()
      this.#follow.checked = false
    }
    this.#tell(part.total)
  }

  /** @param wanted whether it still is, when it is there */
  async #addNewer(wanted = (): boolean => true): Promise<void> {
    const part = await this.#fetch({
      offset: String(this.#end),
      byteLength: String(this.#partBytes),
      edge: 'newer',
    })
    if (!wanted()) return
    // The log was cut, or old parts of it were removed.
    if (part.start !== this.#end || part.total < this.#end) return this.#startAnew(wanted)
    if (part.end > part.start) {
      const stays = this.#follow.checked && this.#atEnd()
      this.#append(part)
      if (stays) this.#toEnd()
    }
    this.#tell(part.total)
  }

  async #startAnew(wanted = (): boolean => true): Promise<void> {
    const part = await this.#fetch({ byteLength: String(this.#partBytes) })
    if (!wanted()) return
    this.#box.replaceChildren()
    this.#shown = []
    this.#append(part)
    this.#toEnd()
    this.#tell(part.total)
  }

  #append(part: Part): void {
    const element = elementOf(part)
    this.#box.append(element)
    this.#shown.push({ element, start: part.start, end: part.end })
    // A growing log brings many small ones: they are one part as long as they are no larger than one.
    const [last, added] = this.#shown.slice(-2)
    if (last && added && added.end - last.start <= this.#partBytes) {
      last.element.append(added.element)
      last.end = added.end
      this.#shown.pop()
    }
    if (this.#shown.length <= PARTS_MAX) return
    const beforePx = this.#box.scrollHeight
    this.#shown.shift()?.element.remove()
    this.#box.scrollTop -= beforePx - this.#box.scrollHeight
  }

  #atEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#box
    return scrollHeight - scrollTop - clientHeight <= AT_END_PX
  }

  #toEnd(): void {
    this.#box.scrollTop = this.#box.scrollHeight
  }

  #tell(total: number): void {
    this.#total = total
    const bytes = this.#end - this.#start
    this.#range.textContent = `${bytes} bytes: ${this.#start} - ${this.#end} of ${total}`
  }

  #say(text: string): void {
    if (this.#status.textContent !== text) this.#status.textContent = text
  }
}

function elementOf({ markup }: Part): HTMLElement {
  const element = document.createElement('span')
  element.innerHTML = markup
  return element
}

new LogViewer().run()
