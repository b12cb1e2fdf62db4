/** Who leads, as far as this master knows: told to its threads when it changes, and when figures change once a second. */
import type { Leader, LeadershipStatus, MasterIdentity, Role } from '../control/leadership.js'
import type { Recovery } from '../election/agent.js'
import type { CommitFigures } from './commit-figures.js'
import { FIGURES_PERIOD_MS } from './limits.js'

export interface LeadershipOptions {
  readonly self: MasterIdentity
  readonly recovery: Pick<Recovery, 'mode' | 'status'>
  readonly figures: CommitFigures
  tell(status: LeadershipStatus): void
}

export class Leadership {
  readonly #options: LeadershipOptions
  readonly #timer: NodeJS.Timeout
  #role: Role = 'standby'
  #leader: Leader | null = null
  #doubt = ''
  #elections = 0
  #lastTakeoverMs: number | null = null
  #told = ''

  constructor(options: LeadershipOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#tell(), FIGURES_PERIOD_MS).unref()
  }

  get role(): Role {
    return this.#role
  }

  /** @param tookMs from learning that it leads until its core did */
  led(epoch: number, tookMs: number): void {
    this.#role = 'leader'
    this.#leader = { ...this.#options.self, epoch }
    this.#elections += 1
    this.#lastTakeoverMs = Math.round(tookMs * 100) / 100
    this.#tell()
  }

  steppedDown(): void {
    this.#role = 'standby'
    this.#leader = null
    this.#doubt = ''
    this.#tell()
  }

  suspended(reason: string): void {
    this.#role = 'suspended'
    this.#doubt = reason
    this.#tell()
  }

  resumed(): void {
    this.#role = 'leader'
    this.#doubt = ''
    this.#tell()
  }

  following(leader: Leader | null): void {
    this.#leader = leader
    this.#tell()
  }

  status(): LeadershipStatus {
    const { self, recovery, figures } = this.#options
    const { followers, behind, reason } = recovery.status()
    return {
      self,
      role: this.#role,
      leader: this.#leader,
      reason: this.#doubt || reason,
      followers,
      behind,
      elections: this.#elections,
      lastTakeoverMs: this.#lastTakeoverMs,
      store: figures.read(recovery.mode),
    }
  }

  end(): void {
    clearInterval(this.#timer)
  }

  #tell(): void {
    const status = this.status()
    const text = JSON.stringify(status)
    if (text === this.#told) return
    this.#told = text
    this.#options.tell(status)
  }
}
