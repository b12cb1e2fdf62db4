/**
 * The guardian: a shell beside each worker that outlives it and ends the executors it leaves behind, whatever they
 * are doing. Spark's own watch (watcher.ts) holds only once a JVM has connected, and a Node executor's stdin only
 * while it reads it; a worker that is killed with -9 can do nothing itself (W11).
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { Logger } from '../log/logger.js'
import { GuardianLines } from './guardian-lines.js'
import { LAUNCH_VARIABLE } from './launcher/stragglers.js'

/**
 * Reads `+<group>` and `-<group>`, one a line; at the end of input TERM to what is left (and CONT: who is stopped would not
 * see it), and after $1 seconds KILL. Then
 * KILL to whoever has left its group, known by the variable of launcher/stragglers.ts with the nonce $2.
 * POSIX sh, no children but sleep and grep, no memory but the list. Only numbers from 2 get in: 0 and 1 would mean everybody.
 * It is deaf to what stops daemons: the end of the worker is the only thing that ends it.
 */
export const GUARDIAN_SCRIPT = `
trap '' HUP INT QUIT TERM PIPE USR1 USR2 TSTP TTIN TTOU
left=' '
while IFS= read -r line; do
  group=\${line#?}
  case $group in '' | *[!0-9]* | 0* | 1) continue ;; esac
  case $line in
    +*) case $left in *" $group "*) ;; *) left="$left$group " ;; esac ;;
    -*) case $left in *" $group "*) left="\${left%% $group *} \${left#* $group }" ;; esac ;;
  esac
done
for group in $left; do kill -s TERM -- "-$group" && kill -s CONT -- "-$group"; done
waited=0
while :; do
  still=
  for group in $left; do kill -s 0 -- "-$group" && still="$still $group"; done
  left=$still
  [ -n "$left" ] || break
  [ "$waited" -lt "$1" ] || break
  sleep 1
  waited=$((waited + 1))
done
for group in $left; do kill -s KILL -- "-$group"; done
[ -n "$2" ] || exit 0
for round in 1 2 3 4 5 6 7 8 9 10; do
  escaped=
  for file in $(grep -lsF "${LAUNCH_VARIABLE}=$2/" /proc/[0-9]*/environ); do
    file=\${file#/proc/}
    escaped="$escaped \${file%/environ}"
  done
  [ -n "$escaped" ] || exit 0
  kill -s KILL $escaped
  [ "$round" -lt 4 ] || sleep 1
done
`

/** A guardian that dies is followed by the next at once, but not more often than so. */
const MIN_RESTART_INTERVAL_MS = 1000
/** With no executor left it ends at once; with one that outlived KILL it may stay, and the worker need not. */
const CLOSE_TIMEOUT_MS = 2000

export interface GuardianOptions {
  log: Logger
  /** TERM, then so long, then KILL (T8); in whole seconds, rounded up. */
  killTimeoutMs: number
}

export class Guardian {
  readonly #options: GuardianOptions
  readonly #readFd: number
  readonly #writeFd: number
  readonly #lines: GuardianLines
  /** Executors that run, as far as this thread knows. */
  readonly #running = new Set<number>()
  #child: ChildProcess
  #restarts = 0
  #startedMs = 0
  #timer: NodeJS.Timeout | null = null
  #closed = false

  private constructor(options: GuardianOptions, pipe: { readFd: number; writeFd: number }) {
    this.#options = options
    this.#readFd = pipe.readFd
    this.#writeFd = pipe.writeFd
    this.#lines = new GuardianLines(pipe.writeFd)
    this.#child = this.#spawn()
  }

  /** @throws Error when this machine can't make a pipe or start a shell */
  static async start(options: GuardianOptions): Promise<Guardian> {
    const guardian = new Guardian(options, await openPipe())
    if (guardian.#child.pid === undefined) {
      await guardian.close()
      throw new Error('/bin/sh can not be started: the worker needs it to guard its executors')
    }
    return guardian
  }

  /** Where threads write with GuardianLines and executors name themselves; the same for the worker's whole life. */
  get fd(): number {
    return this.#writeFd
  }

  get pid(): number | null {
    return this.#child.pid ?? null
  }

  /** An executor runs; it has told the guardian already. */
  started(pid: number): void {
    this.#running.add(pid)
    // A guardian that died may have taken its word along. Twice does no harm.
    if (this.#restarts > 0) this.#lines.started(pid)
  }

  /** @param told whether the thread that watched it has told the guardian already */
  ended(pid: number, told: boolean): void {
    this.#running.delete(pid)
    if (!told || this.#restarts > 0) this.#lines.ended(pid)
  }

  /** To be called when no thread writes any more. Whoever is left now is ended by the guardian. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#lines.close()
    closeSync(this.#writeFd)
    closeSync(this.#readFd)
    const child = this.#child
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    await once(child, 'exit', { signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) }).catch(() => {
      child.unref()
      this.#options.log.warn(`guardian ${child.pid} stays: it still ends executors`)
    })
  }

  #spawn(): ChildProcess {
    this.#startedMs = performance.now()
    const seconds = String(Math.ceil(this.#options.killTimeoutMs / 1000))
    const environment = { ...process.env }
    // A worker that was itself started by one is ended with that launch; its guardian must outlive it.
    delete environment[LAUNCH_VARIABLE]
    const child = spawn(
      '/bin/sh',
      ['-c', GUARDIAN_SCRIPT, 'magneto-guardian', seconds, this.#lines.nonce],
      {
        // It holds no folder in use, and Ctrl-C at a worker's terminal does not reach its session.
        cwd: '/',
        env: environment,
        detached: true,
        stdio: [this.#readFd, 'ignore', 'ignore'],
      },
    )
    child.unref()
    child.on('error', (error) => this.#onGone(error.message))
    child.on('exit', (code, signal) => this.#onGone(signal ?? `exit status ${code}`))
    return child
  }

  #onGone(reason: string): void {
    if (this.#closed || this.#timer !== null) return
    const agoMs = performance.now() - this.#startedMs
    const waitMs = Math.max(0, MIN_RESTART_INTERVAL_MS - agoMs)
    this.#options.log.warn(`the guardian of the executors died (${reason}); starting another`)
    this.#timer = setTimeout(() => this.#restart(), waitMs).unref()
  }

  #restart(): void {
    this.#timer = null
    this.#restarts += 1
    this.#child = this.#spawn()
    for (const pid of this.#running) this.#lines.started(pid)
  }
}

/**
 * A pipe whose ends are plain descriptors: Node has no other way to one that all threads can write to and that
 * several guardians in turn can read. Its name is gone when this returns; no child inherits an end unasked.
 */
async function openPipe(): Promise<{ readFd: number; writeFd: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'magneto-guardian-'))
  try {
    const path = join(folder, 'pipe')
    await promisify(execFile)('mkfifo', ['-m', '600', path]).catch((error: Error) => {
      throw new Error(`mkfifo must work in ${tmpdir()}, or in another TMPDIR: ${error.message}`)
    })
    // Both open calls below would wait for the other end; this one doesn't, and serves as it meanwhile.
    const first = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const writeFd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
      return { writeFd, readFd: openSync(path, constants.O_RDONLY) }
    } finally {
      closeSync(first)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
