/** `magneto top` in a terminal: a look each second, keys at once, and the terminal given back in the end. */
import type { Terminal } from '../../terminal.js'
import { LOOK_EVERY_MS, type Client } from '../client.js'
import { Refused } from '../errors.js'
import { ExitStatus } from '../exit-status.js'
import { applicationRows, frame } from './frame.js'
import { commandsOf, type Command } from './keys.js'
import type { Snapshot, Wanted } from './look.js'
import { screenText } from './paint.js'
import { failed, keyed, looked, stateOf, wantedOf, type Size, type TopState } from './state.js'

export interface LiveTopOptions {
  readonly client: Client
  readonly terminal: Terminal
  /** @throws Refused */
  look(wanted: Wanted): Promise<Snapshot>
}

const CLEAR = '\u001B[2J'

export class LiveTop {
  readonly #options: LiveTopOptions
  #state: TopState
  /** Something is to be looked at that is not there yet. */
  #wants = false
  #busy = false
  #tick: Promise<void> | null = null
  #wake: () => void = () => {}
  #status: number | null = null
  #fault: Error | null = null

  constructor(first: Snapshot, options: LiveTopOptions) {
    this.#options = options
    this.#state = stateOf(first)
  }

  /** @returns the exit status @throws the signal's reason when it is aborted */
  async run(): Promise<number> {
    const { terminal } = this.#options
    terminal.enter({ onKeys: (keys) => this.#keys(keys), onChange: () => this.#changed() })
    try {
      for (;;) {
        if (this.#fault !== null) throw this.#fault
        if (this.#status !== null) return this.#status
        this.#draw()
        if (this.#wants && !this.#busy) void this.#look()
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        await Promise.race([(this.#tick ??= this.#nextTick()), woken])
      }
    } finally {
      terminal.leave()
    }
  }

  async #nextTick(): Promise<void> {
    await this.#options.client.pause(LOOK_EVERY_MS)
    this.#tick = null
    this.#wants ||= !this.#state.paused
  }

  async #look(): Promise<void> {
    this.#wants = false
    this.#busy = true
    const { sort } = this.#state
    try {
      const snapshot = await this.#options.look(wantedOf(this.#state, this.#size()))
      // One in an order that is not wanted any more would be shown under the wrong name.
      if (sort === this.#state.sort) this.#state = looked(this.#state, snapshot, this.#rows())
    } catch (error) {
      if (error instanceof Refused) this.#state = failed(this.#state, error.message, Date.now())
      else this.#fault = error as Error
    }
    this.#busy = false
    this.#wake()
  }

  #keys(keys: string): void {
    for (const command of commandsOf(keys)) this.#obey(command)
    this.#wake()
  }

  #obey(command: Command): void {
    if (command === 'quit') this.#status = ExitStatus.DONE
    else if (command === 'interrupt') this.#status = ExitStatus.INTERRUPTED
    else if (command === 'suspend') this.#options.terminal.suspend()
    else if (command === 'redraw') this.#changed()
    else {
      this.#state = keyed(this.#state, command, this.#rows())
      const { offset } = this.#state.snapshot.applications
      const isThere = wantedOf(this.#state, this.#size()).offset === offset
      const goesOn = command === 'pause' && !this.#state.paused
      this.#wants ||= command === 'sort' || goesOn || !isThere
    }
  }

  #changed(): void {
    this.#options.client.stdout(CLEAR)
    this.#wants = true
    this.#wake()
  }

  #size(): Size {
    const { columns, rows } = this.#options.terminal
    return { columns, rows }
  }

  #rows(): number {
    return applicationRows(this.#state, this.#size())
  }

  #draw(): void {
    const { client } = this.#options
    const size = this.#size()
    const colours = !client.env['NO_COLOR']
    client.stdout(screenText(frame(this.#state, size, Date.now()), size.columns, { colours }))
  }
}
