/**
 * The groups of a user, as the system knows them (`id -Gn`, spec P50). The name goes to `id` as one argument, never through
 * a shell (CVE-2022-33891). Who can't be looked up is in no group.
 */
import { execFile } from 'node:child_process'

const KEPT_FOR_MS = 60_000
const KEPT_USERS_MAX = 1024
const AT_ONCE_MAX = 4
const TIMEOUT_MS = 5_000
const OUTPUT_BYTES_MAX = 256 * 1024

/** Begins with a letter or a digit, is no number (which `id` takes for that of a user), and has no blank in it. */
const USER_NAME = /^(?!\d+$)[\p{L}\p{N}_][^\s\p{C}]{0,255}$/u

/** @returns what the command printed @throws Error when it failed */
type Run = (user: string) => Promise<string>

function runId(user: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'id',
      ['-Gn', '--', user],
      { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX, killSignal: 'SIGKILL' },
      (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
    )
  })
}

interface Known {
  readonly groups: Promise<ReadonlySet<string>>
  readonly untilMs: number
}

export interface SystemGroupsOptions {
  /** Told why a user counts as being in no group. */
  readonly onFailure: (user: string, error: Error) => void
  /** For tests. */
  readonly run?: Run
  readonly nowMs?: () => number
}

export class SystemGroups {
  readonly #options: SystemGroupsOptions
  /** The one asked for longest ago comes first. */
  readonly #known = new Map<string, Known>()
  readonly #waiting: (() => void)[] = []
  #atOnce = 0

  constructor(options: SystemGroupsOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async of(user: string): Promise<ReadonlySet<string>> {
    const { nowMs = () => performance.now() } = this.#options
    const known = this.#known.get(user)
    if (known !== undefined && nowMs() < known.untilMs) return known.groups
    const groups = this.#lookUp(user)
    this.#known.delete(user)
    this.#known.set(user, { groups, untilMs: nowMs() + KEPT_FOR_MS })
    for (const [oldest] of this.#known) {
      if (this.#known.size <= KEPT_USERS_MAX) break
      this.#known.delete(oldest)
    }
    return groups
  }

  async #lookUp(user: string): Promise<ReadonlySet<string>> {
    const { run = runId, onFailure } = this.#options
    if (!USER_NAME.test(user)) {
      onFailure(user, new Error('it is no name of a user'))
      return new Set()
    }
    while (this.#atOnce >= AT_ONCE_MAX)
      await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    this.#atOnce += 1
    try {
      const printed = await run(user)
      return new Set(printed.split(/\s+/).filter((group) => group !== ''))
    } catch (error) {
      onFailure(user, error as Error)
      return new Set()
    } finally {
      this.#atOnce -= 1
      this.#waiting.shift()?.()
    }
  }
}
