/**
 * What an executor or driver leaves behind outside of its process group: whoever has called setsid, daemons above all.
 * They are known by a variable that children inherit, and killed when the one that started them has ended. Where there
 * is no /proc nobody is found.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs'

import { settledLater } from '../settled-later.js'

/** `<nonce of the worker's guardian>/<number of the launch>`. The guardian looks for it too. */
export const LAUNCH_VARIABLE = 'MAGNETO_LAUNCH'

/** Looked for in one go, in which this thread does nothing else: the next launch may wait. */
const SLICE_MS = 0.25
/** One finds what was forked while the one before looked. Somebody who forks faster meets the guardian at last. */
const MAX_ROUNDS = 20
const CHUNK_BYTES = 65_536
/** Of one process's environment. */
const MAX_ENVIRONMENT_BYTES = 8 * 2 ** 20
const chunk = Buffer.alloc(CHUNK_BYTES)

export class Stragglers {
  readonly #prefix: string
  /** What the next look is for. */
  #wanted = new Set<string>()
  #next: Promise<void> | null = null
  #busy: Promise<void> = Promise.resolve()

  /** @param nonce of the worker's guardian */
  constructor(nonce: string) {
    this.#prefix = `${LAUNCH_VARIABLE}=${nonce}/`
  }

  /**
   * Kills who carries that launch. Many that end at once share one look at /proc. Never rejects.
   *
   * @param launch the variable's value
   */
  end(launch: string): Promise<void> {
    this.#wanted.add(`${LAUNCH_VARIABLE}=${launch}`)
    this.#next ??= this.#afterThisOne()
    return this.#next
  }

  async #afterThisOne(): Promise<void> {
    await this.#busy
    // Those that have ended together are told of together.
    await new Promise((next) => setImmediate(next))
    const { promise, resolve } = settledLater<void>()
    this.#busy = promise
    this.#next = null
    const wanted = this.#wanted
    this.#wanted = new Set()
    const startedMs = performance.now()
    try {
      for (let round = 0; round < MAX_ROUNDS && (await this.#look(wanted)) > 0; round += 1);
    } finally {
      // At most half of this thread's time, however many processes there are.
      setTimeout(resolve, performance.now() - startedMs)
    }
  }

  /** @returns how many it has killed */
  async #look(wanted: ReadonlySet<string>): Promise<number> {
    let killed = 0
    let pauseMs = performance.now() + SLICE_MS
    for (const pid of processes()) {
      if (performance.now() >= pauseMs) {
        await new Promise((next) => setImmediate(next))
        pauseMs = performance.now() + SLICE_MS
      }
      const variable = variableOf(pid, this.#prefix)
      if (variable === null || !wanted.has(variable)) continue
      try {
        process.kill(pid, 'SIGKILL')
        killed += 1
      } catch {
        // It has ended meanwhile.
      }
    }
    return killed
  }
}

function processes(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 1 && pid !== process.pid)
  } catch {
    return []
  }
}

/** @returns the variable that starts so, `NAME=value`; null for somebody else's process, or one that is gone */
function variableOf(pid: number, prefix: string): string | null {
  let fd: number
  try {
    fd = openSync(`/proc/${pid}/environ`, 'r')
  } catch {
    return null
  }
  try {
    let unread: Buffer = Buffer.alloc(0)
    for (let at = 0; at < MAX_ENVIRONMENT_BYTES;) {
      const bytes = readSync(fd, chunk, 0, CHUNK_BYTES, at)
      if (bytes === 0) return null
      at += bytes
      const read = chunk.subarray(0, bytes)
      const text = unread.length === 0 ? read : Buffer.concat([unread, read])
      const found = variableIn(text, prefix)
      if (found !== null) return found
      // A variable may go on in what comes next.
      unread = Buffer.from(text.subarray(text.lastIndexOf(0) + 1))
    }
    return null
  } catch {
    return null
  } finally {
    closeSync(fd)
  }
}

function variableIn(environment: Buffer, prefix: string): string | null {
  for (let from = 0; ;) {
    const start = environment.indexOf(prefix, from, 'latin1')
    if (start < 0) return null
    const end = environment.indexOf(0, start)
    if (end < 0) return null
    if (start === 0 || environment[start - 1] === 0) {
      return environment.toString('latin1', start, end)
    }
    from = end
  }
}
