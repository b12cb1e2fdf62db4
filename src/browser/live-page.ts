/**
 * Keeps a page current: asks for the same page again while somebody looks at it, and puts in what has changed.
 * Remembers which parts its visitor has folded away (U5), and sends what he confirms without leaving the page.
 */
import { patch } from './patch.js'

/** From one question to the next. With what the server keeps for others, nobody sees what is older than a second. */
const PERIOD_MS = 600
/** While the master does not answer. */
const FAILED_MS_MAX = 15_000
const ANSWER_MS_MAX = 10_000
const REASON_LENGTH_MAX = 300
/** How long it is said that something was done. */
const DONE_MS = 10_000
/** Of all tabs of a visitor, for good. */
const FOLDED = 'magneto.folded'
/** Of one tab. */
const PAUSED = 'magneto.paused'

function found<T extends Element>(root: ParentNode, selector: string, type: new () => T): T {
  const element = root.querySelector(selector)
  if (element instanceof type) return element
  throw new Error('another page answers at this address')
}

/** Browsers may be told to keep nothing; then nothing is remembered. */
function remembered(storage: () => Storage, key: string): string {
  try {
    return storage().getItem(key) ?? ''
  } catch {
    return ''
  }
}

function remember(storage: () => Storage, key: string, value: string): void {
  try {
    storage().setItem(key, value)
  } catch {
    // As above.
  }
}

class Folds {
  readonly #folded = new Set(remembered(() => localStorage, FOLDED).split(' '))

  apply(root: ParentNode): void {
    for (const part of root.querySelectorAll<HTMLDetailsElement>('details.part'))
      if (this.#folded.has(part.dataset['key'] ?? '')) part.open = false
  }

  note(part: EventTarget | null): void {
    if (!(part instanceof HTMLDetailsElement) || !part.classList.contains('part')) return
    const key = part.dataset['key'] ?? ''
    if (part.open) this.#folded.delete(key)
    else this.#folded.add(key)
    remember(() => localStorage, FOLDED, [...this.#folded].join(' ').trim())
  }
}

class LivePage {
  readonly #on = found(document, '#live-on', HTMLInputElement)
  readonly #status = found(document, '#live-status', HTMLElement)
  readonly #folds = new Folds()
  /** Of what is shown; null: as it came with the page. */
  #tag: string | null = null
  #timer = 0
  #asking = false
  #failures = 0
  #answeredAt = new Date()

  run(): void {
    this.#folds.apply(document)
    found(document, '#live', HTMLElement).hidden = false
    this.#on.checked = remembered(() => sessionStorage, PAUSED) === ''
    this.#on.addEventListener('change', () => {
      remember(() => sessionStorage, PAUSED, this.#on.checked ? '' : 'yes')
      this.#schedule(0)
    })
    document.addEventListener('visibilitychange', () => this.#schedule(0))
    document.addEventListener('toggle', ({ target }) => this.#folds.note(target), true)
    document.addEventListener('submit', (event) => this.#submit(event))
    this.#schedule(PERIOD_MS)
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#tick(), delayMs)
  }

  async #tick(): Promise<void> {
    const startedMs = performance.now()
    await this.#refresh()
    const periodMs = Math.min(PERIOD_MS * 2 ** this.#failures, FAILED_MS_MAX)
    this.#schedule(Math.max(PERIOD_MS / 4, periodMs - (performance.now() - startedMs)))
  }

  /** One question at a time, and none while nobody looks. */
  async #refresh(): Promise<void> {
    if (this.#asking || document.hidden || !this.#on.checked) return
    this.#asking = true
    try {
      await this.#ask()
      if (this.#failures > 0) this.#say('')
      this.#failures = 0
      this.#answeredAt = new Date()
    } catch (error) {
      this.#failures += 1
      const since = this.#answeredAt.toLocaleTimeString()
      // What fetch throws where nobody answers says no more than that.
      const reason = error instanceof TypeError ? 'no answer' : (error as Error).message
      this.#say(`Not current since ${since}: ${reason}. Trying again.`)
    } finally {
      this.#asking = false
    }
  }

  /** @throws Error when the page is not to be had just now */
  async #ask(): Promise<void> {
    const known: Record<string, string> = this.#tag === null ? {} : { 'If-None-Match': this.#tag }
    const response = await fetch(location.href, {
      headers: { Accept: 'text/html', ...known },
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
    if (response.status === 304) return
    const text = await response.text()
    if (!response.ok) throw new Error(text.trim().slice(0, REASON_LENGTH_MAX))
    // Paused meanwhile.
    if (!this.#on.checked) return
    this.#show(new DOMParser().parseFromString(text, 'text/html'))
    this.#tag = response.headers.get('ETag')
  }

  #show(fresh: Document): void {
    found(fresh, '#live', HTMLElement)
    this.#folds.apply(fresh)
    for (const selector of ['h1', 'main'])
      patch(found(document, selector, HTMLElement), found(fresh, selector, HTMLElement))
    document.title = fresh.title
  }

  #submit(event: SubmitEvent): void {
    const { target, submitter } = event
    if (!(target instanceof HTMLFormElement) || target.method !== 'post') return
    event.preventDefault()
    void this.#send(target, submitter?.textContent ?? 'It')
  }

  async #send(form: HTMLFormElement, what: string): Promise<void> {
    this.#say(`${what}: …`)
    try {
      // The page that it leads to is this one, which stays as it is.
      const answer = await fetch(form.action, { method: 'POST', redirect: 'manual' })
      const text = (await answer.text()).trim().slice(0, REASON_LENGTH_MAX)
      const done = answer.ok || answer.type === 'opaqueredirect'
      this.#say(`${what}: ${done ? 'done' : text}`)
      setTimeout(() => this.#unsay(`${what}: done`), DONE_MS)
      for (const fold of form.querySelectorAll('details')) fold.open = !done
    } catch {
      this.#say(`${what}: no answer`)
    }
    await this.#refresh()
  }

  /** Unless something else is said by now. */
  #unsay(text: string): void {
    if (this.#status.textContent === text) this.#say('')
  }

  #say(text: string): void {
    if (this.#status.textContent !== text) this.#status.textContent = text
  }
}

new LivePage().run()
