/**
 * A lock that names its owner, so that two masters don't use one place. A process of this machine and this process
 * namespace is asked whether it lives. Others can't be asked (another machine, another container, before a reboot), nor
 * can one whose start the system hides: their lock counts while it is touched, which the owner does every second; who wants
 * it watches for some seconds. No clocks are compared, so that it does not matter how they are set.
 *
 * It keeps honest masters apart and says who is in the way. That records survive when it fails is the store's own matter.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  constants,
  copyFile,
  link,
  open,
  readFile,
  readlink,
  unlink,
  utimes,
  writeFile,
  type FileHandle,
} from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from './engine.js'

/** How often the owner touches its lock, ms. */
export const BEAT_MS = 1000
/** A lock that has not been touched for so long while we watched is dead, ms. */
export const DEAD_AFTER_MS = 10_000
const POLLS_PER_BEAT = 4
/** What file systems say that have no hard links. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

export interface Owner {
  readonly pid: number
  readonly host: string
  /** Start of the process in clock ticks, where the system tells: process ids are reused. */
  readonly started: string
  /** Which kernel, and which of its process id namespaces: where the id means anything. */
  readonly space: string
  /** Of this one acquisition. */
  readonly token: string
}

export interface Lock {
  /** @throws StoreError when somebody who lives holds it */
  acquire(): Promise<void>
  release(): Promise<void>
}

export interface LockOptions {
  readonly beatMs?: number
  readonly deadAfterMs?: number
  /** Who we say we are; for tests. */
  readonly self?: Owner
}

async function textOf(read: Promise<string>): Promise<string> {
  return (await read.catch(() => '')).trim()
}

/** What the system tells of a process; empty where it does not. */
async function statusOf(pid: number): Promise<{ state: string; started: string }> {
  const stat = await textOf(readFile(`/proc/${pid}/stat`, 'utf8'))
  const fields = stat.slice(stat.lastIndexOf(')')).split(' ')
  return { state: fields[1] ?? '', started: fields[20] ?? '' }
}

/** This process. */
export async function thisOwner(): Promise<Owner> {
  const boot = await textOf(readFile('/proc/sys/kernel/random/boot_id', 'utf8'))
  const namespace = await textOf(readlink('/proc/self/ns/pid'))
  return {
    pid: process.pid,
    host: hostname(),
    started: (await statusOf(process.pid)).started,
    // Where the kernel has no name the machine's must do.
    space: `${boot || hostname()} ${namespace}`,
    token: randomBytes(12).toString('hex'),
  }
}

/** @returns null when the system does not tell: the process id may be another one's by now */
async function isAlive({ pid, started }: Pick<Owner, 'pid' | 'started'>): Promise<boolean | null> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const now = await statusOf(pid)
  // One that has ended, and that nobody has asked for its status yet, holds nothing any more.
  if (/^[ZX]/.test(now.state)) return false
  return now.started === '' || started === '' ? null : now.started === started
}

/** What stands in the lock, and when it was touched last. */
interface Seen {
  readonly text: string
  readonly touchedMs: number
}

/** Opened anew each time: that is when a network file system asks its server. @returns null: there is no lock */
async function look(path: string): Promise<Seen | null> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    const { mtimeMs: touchedMs } = await file.stat()
    return { text: await file.readFile('utf8'), touchedMs }
  } finally {
    await file.close()
  }
}

/** @returns whether `path` is now what `from` is; false: there is one already */
async function placed(from: string, path: string): Promise<boolean> {
  try {
    await link(from, path).catch((error: NodeJS.ErrnoException) => {
      if (!NO_LINKS.has(error.code ?? '')) throw error
      return copyFile(from, path, constants.COPYFILE_EXCL)
    })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function ownerIn(text: string): Partial<Owner> {
  try {
    return JSON.parse(text) as Partial<Owner>
  } catch {
    // Whoever wrote this is unknown: it is watched like one that can't be asked.
    return {}
  }
}

/** @returns the path of the lock of who takes that dead one away */
export function claimOn(path: string, dead: string): string {
  return `${path}.${createHash('sha256').update(dead).digest('hex').slice(0, 16)}`
}

export class LockFile implements Lock {
  readonly #path: string
  readonly #beatMs: number
  readonly #deadAfterMs: number
  readonly #given: Owner | null
  #self: Owner | null = null
  #timer: NodeJS.Timeout | null = null
  #beating: Promise<void> = Promise.resolve()

  constructor(path: string, options: LockOptions = {}) {
    this.#path = path
    this.#beatMs = options.beatMs ?? BEAT_MS
    this.#deadAfterMs = options.deadAfterMs ?? DEAD_AFTER_MS
    this.#given = options.self ?? null
  }

  /** @throws StoreError when somebody who lives holds it */
  async acquire(): Promise<void> {
    const self = this.#given ?? (await thisOwner())
    const mine = `${this.#path}.${self.token}`
    try {
      await writeFile(mine, JSON.stringify(self), { flag: 'wx' })
      await this.#take(mine, self)
    } catch (error) {
      if (error instanceof StoreError) throw error
      throw new StoreError(`can't take the lock ${this.#path}: ${String(error)}`, { cause: error })
    } finally {
      await unlink(mine).catch(() => {})
    }
    this.#self = self
    this.#timer = setInterval(() => {
      this.#beating = this.#beat()
    }, this.#beatMs).unref()
  }

  async release(): Promise<void> {
    const self = this.#self
    if (self === null) return
    this.#self = null
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#beating
    const seen = await look(this.#path).catch(() => null)
    if (seen !== null && ownerIn(seen.text).token === self.token)
      await unlink(this.#path).catch(() => {})
  }

  async #take(mine: string, self: Owner): Promise<void> {
    for (;;) {
      // With its content at once: nobody ever reads half of it.
      if (await placed(mine, this.#path)) return
      const dead = await this.#deadOwner(this.#path, self)
      if (dead !== null) await this.#remove(this.#path, dead, { mine, self })
    }
  }

  /**
   * @returns what stands in the lock of somebody who is gone, null: there is no lock any more
   * @throws StoreError when its owner lives
   */
  async #deadOwner(path: string, self: Owner): Promise<string | null> {
    const first = await look(path)
    if (first === null) return null
    const owner = ownerIn(first.text)
    // Locks of earlier releases name no space.
    const { pid, host, started, space = host === self.host ? self.space : '' } = owner
    if (space === self.space && typeof pid === 'number' && typeof started === 'string') {
      const alive = await isAlive({ pid, started })
      if (alive === true) throw this.#held(`process ${pid} on ${host}`)
      if (alive === false) return first.text
    }
    for (let watchedMs = 0; watchedMs < this.#deadAfterMs;) {
      const lookedMs = performance.now()
      await sleep(this.#beatMs / POLLS_PER_BEAT)
      const now = await look(path)
      if (now === null) return null
      if (now.text !== first.text || now.touchedMs !== first.touchedMs) {
        const { pid: id = '?', host: at = 'an unknown host' } = ownerIn(now.text)
        throw this.#held(`process ${id} on ${at}, which touches it`)
      }
      // A time in which this process stood still counts for little: what stopped it may have stopped the owner too.
      watchedMs += Math.min(performance.now() - lookedMs, this.#beatMs)
    }
    return first.text
  }

  #held(by: string): StoreError {
    return new StoreError(
      `${this.#path} is held by ${by}; stop that master, or give this one another spark.deploy.recoveryDirectory`,
    )
  }

  /**
   * Takes a dead lock away, unless another one is there by now. Only one at a time does that, whom a lock of its own names: of
   * two the slower one would take away what the faster one has made meanwhile.
   *
   * @throws StoreError when somebody who lives is about to
   */
  async #remove(path: string, dead: string, me: { mine: string; self: Owner }): Promise<void> {
    const claim = claimOn(path, dead)
    if (!(await placed(me.mine, claim))) {
      const deadClaim = await this.#deadOwner(claim, me.self)
      if (deadClaim !== null) await this.#remove(claim, deadClaim, me)
      return
    }
    try {
      if ((await look(path))?.text === dead) await unlink(path)
    } finally {
      await unlink(claim).catch(() => {})
    }
  }

  /** What can't be done now may go the next time; a lock that stays untouched for long is taken over. */
  async #beat(): Promise<void> {
    const self = this.#self
    if (self === null) return
    try {
      const seen = await look(this.#path)
      if (seen === null) {
        await writeFile(this.#path, JSON.stringify(self), { flag: 'wx' })
      } else if (ownerIn(seen.text).token === self.token) {
        const now = new Date()
        await utimes(this.#path, now, now)
      }
    } catch {
      // The store itself finds out that it was replaced.
    }
  }
}
