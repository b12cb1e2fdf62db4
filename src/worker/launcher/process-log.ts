/**
 * Where a process's stdout or stderr goes. Straight into a file, which needs nobody beside the process; through this
 * thread when the file is to be rolled.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import type { Readable } from 'node:stream'

import type { LogRolling } from '../log-rolling.js'
import { LOG_FLAGS, LOG_MODE, RollingLog } from './rolling-log.js'
import { Silence } from './silence.js'

/** More than a pipe and its reader can hold is not of the process that has ended. */
const MAX_REST_BYTES = 2 * 2 ** 20

export interface ProcessLog {
  /** For spawn. */
  readonly target: number | 'pipe'
  write(text: string): Promise<void>
  /** The process runs; `stream` is its end of a pipe. */
  follow(stream: Readable | null): void
  /** Everything of the process is in the file; when nothing comes for `timeoutMs` that is all. Never rejects. */
  finish(timeoutMs: number): Promise<void>
}

/**
 * @param append keeps what is in a log that is not rolled
 * @throws Error when it can't be written
 */
export async function openLog(
  path: string,
  rolling: LogRolling | null,
  append = false,
): Promise<ProcessLog> {
  if (rolling !== null) return new FollowedLog(await RollingLog.open(path, rolling))
  return openDirect(path, append ? LOG_FLAGS & ~constants.O_TRUNC : LOG_FLAGS)
}

/** Without a hop to another thread: each of these takes microseconds, on a disk that is well. */
function openDirect(path: string, flags: number): ProcessLog {
  const fd = openSync(path, flags, LOG_MODE)
  let closed = false
  const close = (): void => {
    if (closed) return
    closed = true
    closeSync(fd)
  }
  return {
    target: fd,
    write: async (text) => writeAll(fd, Buffer.from(text)),
    // The process has a descriptor of its own now.
    follow: close,
    finish: async () => close(),
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
}

class FollowedLog implements ProcessLog {
  readonly target = 'pipe'
  readonly #log: RollingLog
  #stream: Readable | null = null
  #copied: Promise<void> = Promise.resolve()
  #writing = false
  #silence: Silence | null = null
  /** What may still come; unlimited while the process runs. */
  #restBytes = Infinity

  constructor(log: RollingLog) {
    this.#log = log
  }

  write(text: string): Promise<void> {
    return this.#log.write(Buffer.from(text))
  }

  follow(stream: Readable | null): void {
    this.#stream = stream
    if (stream !== null) this.#copied = this.#copy(stream)
  }

  async finish(timeoutMs: number): Promise<void> {
    // Somebody whom the process left behind may hold the pipe open for ever, or write to it without end.
    this.#restBytes = MAX_REST_BYTES
    this.#silence = new Silence(
      timeoutMs,
      () => this.#stream?.destroy(),
      () => this.#writing,
    )
    await this.#copied
    this.#silence.end()
    await this.#log.close()
  }

  /** A process that writes faster than the disk waits in its write. */
  async #copy(stream: Readable): Promise<void> {
    try {
      for await (const chunk of stream) {
        const bytes = chunk as Buffer
        this.#restBytes -= bytes.length
        this.#writing = true
        await this.#log.write(bytes)
        this.#writing = false
        this.#silence?.heard()
        if (this.#restBytes <= 0) break
      }
    } catch {
      // The pipe was given up.
    }
  }
}
