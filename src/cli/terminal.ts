/**
 * The terminal of this process: its size, its keys, and a screen of its own that is left again whichever way the
 * process ends, but for KILL.
 */
import type { ReadStream, WriteStream } from 'node:tty'

export interface Terminal {
  /** Characters; at least one. */
  readonly columns: number
  readonly rows: number
  /** Takes the keys and a screen of its own. */
  enter(listener: TerminalListener): void
  /** Gives back what `enter` took; does nothing the second time. */
  leave(): void
  /** Stops this process until somebody continues it. */
  suspend(): void
}

export interface TerminalListener {
  /** As the terminal sends them: one key or several. */
  onKeys(keys: string): void
  /** It has another size, or was continued: all of the screen is to be drawn anew. */
  onChange(): void
}

export interface TerminalProcess extends Pick<NodeJS.EventEmitter, 'on' | 'off'> {
  readonly pid: number
  readonly stdin: Pick<ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'pause' | 'resume'>
  readonly stdout: Pick<WriteStream, 'columns' | 'rows' | 'on' | 'off'>
  exit(status: number): void
  kill(pid: number, signal: string): boolean
}

/** Where the terminal doesn't say. */
const DEFAULT_COLUMNS = 80
const DEFAULT_ROWS = 24

/**
 * Another screen, no cursor, and no next line behind a full one: terminals differ in how wide they draw some characters.
 * And back.
 */
const ENTER = '\u001B[?1049h\u001B[?25l\u001B[?7l'
const LEAVE = '\u001B[?7h\u001B[?25h\u001B[0m\u001B[?1049l'

const HANGUP_STATUS = 129

export class ProcessTerminal implements Terminal {
  readonly #process: TerminalProcess
  readonly #write: (text: string) => void
  #listener: TerminalListener | null = null

  /** @param write returns when the text has left, however slow the terminal is */
  constructor(process: TerminalProcess, write: (text: string) => void) {
    this.#process = process
    this.#write = write
  }

  get columns(): number {
    return this.#process.stdout.columns || DEFAULT_COLUMNS
  }

  get rows(): number {
    return this.#process.stdout.rows || DEFAULT_ROWS
  }

  enter(listener: TerminalListener): void {
    const { stdin, stdout } = this.#process
    this.#listener = listener
    // Whoever ends the process, and for whatever reason, comes by here.
    this.#process.on('exit', this.#restore)
    this.#process.on('SIGHUP', this.#hungUp)
    this.#process.on('SIGCONT', this.#continued)
    stdout.on('resize', this.#changed)
    this.#take()
    if (!stdin.isTTY) return
    stdin.on('data', this.#keys)
    stdin.on('end', this.#hungUp)
    stdin.on('error', this.#hungUp)
    stdin.resume()
  }

  leave(): void {
    if (this.#listener === null) return
    this.#restore()
    const { stdin, stdout } = this.#process
    this.#process.off('exit', this.#restore)
    this.#process.off('SIGHUP', this.#hungUp)
    this.#process.off('SIGCONT', this.#continued)
    stdout.off('resize', this.#changed)
    if (!stdin.isTTY) return
    stdin.off('data', this.#keys)
    stdin.off('end', this.#hungUp)
    stdin.off('error', this.#hungUp)
    stdin.pause()
  }

  suspend(): void {
    this.#give()
    // Comes back when somebody continues it; at once where nobody could.
    this.#process.kill(this.#process.pid, 'SIGTSTP')
    this.#continued()
  }

  #take(): void {
    // Raw: each key comes at once and is not shown, also those that would be signals.
    if (this.#process.stdin.isTTY) this.#process.stdin.setRawMode(true)
    this.#write(ENTER)
  }

  #give(): void {
    if (this.#process.stdin.isTTY) this.#process.stdin.setRawMode(false)
    this.#write(LEAVE)
  }

  readonly #restore = (): void => {
    if (this.#listener === null) return
    this.#listener = null
    try {
      this.#give()
    } catch {
      // The terminal is gone, and with it whatever it showed.
    }
  }

  readonly #hungUp = (): void => this.#process.exit(HANGUP_STATUS)

  readonly #changed = (): void => this.#listener?.onChange()

  readonly #keys = (bytes: Buffer): void => this.#listener?.onKeys(bytes.toString('utf8'))

  readonly #continued = (): void => {
    this.#take()
    this.#listener?.onChange()
  }
}
