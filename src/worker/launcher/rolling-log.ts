/**
 * One log of one executor, rolled while it grows (W12). What can't be done to it is said in the log itself, where
 * its reader looks; the executor never waits for a disk that refuses.
 */
import { constants, createReadStream } from 'node:fs'
import { lstat, open, readdir, rename, rm, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

import { RollingState, rolledSuffix, type LogRolling } from '../log-rolling.js'

// Emptied when an id comes again; appended to, so that a log rotated from outside keeps working.
export const LOG_FLAGS =
  constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND | constants.O_WRONLY
export const LOG_MODE = 0o644

/** Written at once, so that a log is cut that near to its limit. */
const PIECE_BYTES = 8192

interface OldLog {
  name: string
  /** Its date. */
  suffix: string
  /** Among those of the same date; -1 for the first. */
  number: number
}

export class RollingLog {
  readonly #path: string
  readonly #rolling: LogRolling
  readonly #now: () => number
  readonly #state: RollingState
  #file: FileHandle
  /** Since the last piece that could be written. */
  #lostBytes = 0
  #problem = ''
  #rollingFailed = false

  private constructor(path: string, rolling: LogRolling, file: FileHandle, now: () => number) {
    this.#path = path
    this.#rolling = rolling
    this.#file = file
    this.#now = now
    this.#state = new RollingState(rolling.policy, now())
  }

  /** Empties what is there under that name. @throws Error when it can't be written */
  static async open(path: string, rolling: LogRolling, now = Date.now): Promise<RollingLog> {
    return new RollingLog(path, rolling, await open(path, LOG_FLAGS, LOG_MODE), now)
  }

  /** One call at a time. Never rejects: what can't be written is dropped, and counted. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES)
      if (this.#state.isDue(this.#now(), piece.length)) await this.#roll()
      await this.#append(piece)
    }
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => {})
  }

  async #append(piece: Uint8Array): Promise<void> {
    try {
      if (this.#lostBytes > 0) {
        await this.#file.appendFile(`\n[${this.#lostBytes} bytes are missing: ${this.#problem}]\n`)
        this.#lostBytes = 0
      }
      await this.#file.appendFile(piece)
      this.#state.wrote(piece.length)
    } catch (error) {
      this.#lostBytes += piece.length
      this.#problem = (error as Error).message
    }
  }

  async #roll(): Promise<void> {
    // Also when it fails: the next try comes when the log is full again, not with each piece.
    const nowMs = this.#now()
    this.#state.rolled(nowMs)
    const suffix = rolledSuffix(this.#rolling.policy, new Date(nowMs))
    try {
      const rolled = await this.#moveAway(suffix)
      const next = await open(this.#path, LOG_FLAGS, LOG_MODE)
      await this.close()
      this.#file = next
      if (this.#rolling.compress && rolled !== null) await compress(rolled)
      await this.#removeOld(suffix)
      this.#rollingFailed = false
    } catch (error) {
      if (this.#rollingFailed) return
      this.#rollingFailed = true
      await this.#append(Buffer.from(`\n[rolling failed: ${(error as Error).message}]\n`))
    }
  }

  /** @returns the log's new name, or null when there is none any more: somebody took it away */
  async #moveAway(suffix: string): Promise<string | null> {
    if (!(await exists(this.#path))) return null
    // The number after the highest, not the first that is free: names then tell what is older.
    const taken = (await this.#oldLogs(suffix)).findLast((log) => log.suffix === suffix)
    const rolled = this.#path + suffix + (taken === undefined ? '' : `--${taken.number + 1}`)
    await rename(this.#path, rolled)
    return rolled
  }

  async #removeOld(suffix: string): Promise<void> {
    const { maxRetainedFiles } = this.#rolling
    if (maxRetainedFiles <= 0) return
    const old = await this.#oldLogs(suffix)
    for (const { name } of old.slice(0, Math.max(0, old.length - maxRetainedFiles))) {
      await rm(join(dirname(this.#path), name), { force: true })
    }
  }

  /** Oldest first. @param example all others have its form */
  async #oldLogs(example: string): Promise<OldLog[]> {
    const form = example.replaceAll(/\d/g, String.raw`\d`)
    const pattern = new RegExp(`^${basename(this.#path)}(${form})(?:--(\\d+))?(?:\\.gz)?$`)
    return (await readdir(dirname(this.#path)))
      .map((name) => pattern.exec(name))
      .filter((match) => match !== null)
      .map(([name, suffix = '', number]) => ({ name, suffix, number: Number(number ?? -1) }))
      .toSorted((a, b) => {
        if (a.suffix !== b.suffix) return a.suffix < b.suffix ? -1 : 1
        return a.number - b.number
      })
  }
}

/** `<path>` becomes `<path>.gz`; it stays as it is when that fails. */
async function compress(path: string): Promise<void> {
  const compressed = `${path}.gz`
  const gzip = createGzip()
  // Open before anything can fail: what is opened later would come back after it was removed.
  const output = await open(compressed, 'wx', LOG_MODE)
  try {
    await pipeline(createReadStream(path), gzip, output.createWriteStream())
  } catch (error) {
    await rm(compressed, { force: true })
    throw error
  }
  await unlink(path)
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
