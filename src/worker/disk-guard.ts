/**
 * Looks at the file systems of the work folder and of the scratch folders, and says when one of them is nearly full or
 * gone: what would be started there would fail. At most one look is under way, so that a mount which hangs costs one
 * of the threads that read files, and never the main one.
 */
import { constants } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'

import { keys } from '../conf/keys.js'

export interface DiskFacts {
  freeBytes: number
  totalBytes: number
  freeInodes: number
  /** 0: this file system does not count them. */
  totalInodes: number
}

export interface Health {
  healthy: boolean
  /** Why not, for operators; one line. */
  report: string
}

export interface DiskGuardOptions {
  workDir: string
  /** Where scratch folders go: those that never could be used are passed over, as launches do (W3). */
  scratchRoots: readonly string[]
  minFreeBytes: number
  intervalMs: number
  /** Told when it changes; a worker counts as healthy before. */
  onHealth(health: Health): void
  /** For tests. @throws Error when the folder can't be used, ENOENT when it is not there */
  look?: (path: string) => Promise<DiskFacts>
  lookTimeoutMs?: number
}

/** Some for the logs of what runs. */
const MIN_FREE_INODES = 1000
/** What is needed to be healthy again, so that a worker does not waver. */
const RECOVERY_FACTOR = 1.1
const LOOK_TIMEOUT_MS = 10_000
const MAX_REPORT_CHARACTERS = 1000

type Kind = 'space' | 'inodes' | 'unusable'

interface Trouble {
  kind: Kind
  /** What follows the folder's name. */
  text: string
}

interface Folder {
  readonly path: string
  readonly scratch: boolean
  /** It was there and could be used once. */
  seen: boolean
  /** What was wrong at the last look. */
  trouble: Trouble | null
}

export class DiskGuard {
  readonly #options: DiskGuardOptions
  readonly #folders: readonly Folder[]
  #timer: NodeJS.Timeout | null = null
  /** A look that got no answer in time and may still get one. */
  #hanging = false
  #stopped = false
  /** What was told last; empty: all is well. */
  #told = ''

  /** The first look is taken at once. */
  constructor(options: DiskGuardOptions) {
    this.#options = options
    const scratch = options.scratchRoots.filter((path) => path !== options.workDir)
    this.#folders = [
      { path: options.workDir, scratch: false, seen: true, trouble: null },
      ...scratch.map((path): Folder => ({ path, scratch: true, seen: false, trouble: null })),
    ]
    void this.#run()
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  /** Never rejects; a pass starts the interval to the next when it has ended. */
  async #run(): Promise<void> {
    for (const folder of this.#folders) {
      // What was seen of the others last still counts.
      if (this.#hanging || this.#stopped) break
      folder.trouble = await this.#examine(folder)
    }
    if (this.#stopped) return
    this.#tell()
    this.#timer = setTimeout(() => void this.#run(), this.#options.intervalMs)
  }

  async #examine(folder: Folder): Promise<Trouble | null> {
    let facts: DiskFacts
    try {
      facts = await this.#lookInTime(folder)
    } catch (error) {
      return { kind: 'unusable', text: `can't be used: ${(error as Error).message}` }
    }
    const low = (kind: Kind): number => (folder.trouble?.kind === kind ? RECOVERY_FACTOR : 1)
    const { freeBytes, totalBytes, freeInodes, totalInodes } = facts
    const { minFreeBytes } = this.#options
    if (freeBytes < minFreeBytes * low('space')) {
      const free = `${sizeText(freeBytes)} free of ${sizeText(totalBytes)}`
      const { name } = keys.workerMinFreeDiskSpaceBytes
      return { kind: 'space', text: `${free}, below ${sizeText(minFreeBytes)} (${name})` }
    }
    if (totalInodes > 0 && freeInodes < MIN_FREE_INODES * low('inodes')) {
      const text = `${freeInodes} inodes free of ${totalInodes}, below ${MIN_FREE_INODES}`
      return { kind: 'inodes', text }
    }
    return null
  }

  async #lookInTime(folder: Folder): Promise<DiskFacts> {
    const { lookTimeoutMs = LOOK_TIMEOUT_MS } = this.#options
    const looking = this.#look(folder)
    let late: NodeJS.Timeout | null = null
    const timeout = new Promise<never>((_resolve, reject) => {
      late = setTimeout(() => {
        this.#hanging = true
        const over = (): void => {
          this.#hanging = false
        }
        looking.then(over, over)
        reject(new Error(`no answer within ${lookTimeoutMs / 1000} s`))
      }, lookTimeoutMs)
    })
    try {
      return await Promise.race([looking, timeout])
    } finally {
      if (late !== null) clearTimeout(late)
    }
  }

  /** A folder that does not exist yet is made by the first launch, on the file system of what is above it. */
  async #look(folder: Folder): Promise<DiskFacts> {
    const { look = lookAtDisk } = this.#options
    for (let at = folder.path; ; at = dirname(at)) {
      try {
        const facts = await look(at)
        if (at === folder.path) folder.seen = true
        return facts
      } catch (error) {
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
        if (!missing || folder.seen || at === dirname(at)) throw error
      }
    }
  }

  #tell(): void {
    const scratch = this.#folders.filter((folder) => folder.scratch)
    const noneLeft = scratch.length > 0 && scratch.every(isUnusable)
    const troubled = this.#folders.filter(
      (folder) => folder.trouble !== null && (folder.seen || noneLeft || !isUnusable(folder)),
    )
    // Not the figures, which change all the time.
    const summary = troubled.map(({ path, trouble }) => `${trouble?.kind} ${path}`).join('\n')
    if (summary === this.#told) return
    this.#told = summary
    const report = reportOf(troubled)
    this.#options.onHealth({ healthy: troubled.length === 0, report })
  }
}

function isUnusable({ trouble }: Folder): boolean {
  return trouble?.kind === 'unusable'
}

/** Folders of one file system say the same; they say it once. */
function reportOf(troubled: readonly Folder[]): string {
  const pathsByText = new Map<string, string[]>()
  for (const { path, trouble } of troubled) {
    const text = trouble?.text ?? ''
    pathsByText.set(text, [...(pathsByText.get(text) ?? []), path])
  }
  return [...pathsByText]
    .map(([text, paths]) => `${paths.join(', ')}: ${text}`)
    .join('; ')
    .slice(0, MAX_REPORT_CHARACTERS)
}

async function lookAtDisk(path: string): Promise<DiskFacts> {
  // A disk with errors is often mounted anew, read-only; statfs does not say so.
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
  const { bsize, blocks, bavail, files, ffree } = await statfs(path)
  return {
    freeBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    freeInodes: ffree,
    totalInodes: files,
  }
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `120 MiB`, `1.5 GiB` */
export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  // Rounded down: what is below a limit must not look as if it reached it.
  const shown = value < 10 ? Math.floor(value * 10) / 10 : Math.floor(value)
  return `${shown} ${UNITS[unit]}`
}
