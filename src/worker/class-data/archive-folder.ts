/**
 * The folder of archives. Workers that share a work folder share it, and so do the threads of each: an archive appears
 * whole, by a rename, and who is about to make one says so by a file. Two that make the same one harm nobody.
 */
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'

export const ARCHIVE = 'classes.jsa'
/** A JSON list: what stands at the top of the archived jars. */
export const NAMES = 'names.json'
const LISTS = '.classlist'
const LOCK = '.lock'
/** Folders that are being filled, or emptied. */
const UNDER_WAY = 'making-'

/** The archives used last are kept; one has some 80 MB. */
const MAX_ARCHIVES = 8
const DAY_MS = 86_400_000
/** Unused for so long, an archive goes: its distribution or JDK is another by now. */
const UNUSED_MS = 30 * DAY_MS
/** Left behind by a worker that died. */
const ABANDONED_MS = DAY_MS
/** Longer than an archive can take: who said so has given up or is gone. Also how soon a failure is tried again. */
export const LOCK_MS = 900_000
const PRIVATE_MODE = 0o700

export interface ReadyArchive {
  path: string
  namesInJars: ReadonlySet<string>
}

export class ArchiveFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** @returns null when there is none @throws Error when the folder can't be read */
  ready(key: string): ReadyArchive | null {
    const folder = join(this.path, key)
    const path = join(folder, ARCHIVE)
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return null
    const names = JSON.parse(readFileSync(join(folder, NAMES), 'utf8')) as string[]
    // What is used last is known by it.
    const now = new Date()
    utimesSync(folder, now, now)
    return { path, namesInJars: new Set(names) }
  }

  /**
   * Says that the caller is about to have that archive made.
   *
   * @returns where the list of classes is to be written; null: somebody else is at it
   * @throws Error when the folder can't be written
   */
  begin(key: string): string | null {
    mkdirSync(this.path, { recursive: true, mode: PRIVATE_MODE })
    const lock = this.#lock(key)
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
    if (since !== undefined) {
      if (Date.now() - since < LOCK_MS) return null
      rmSync(lock, { force: true })
    }
    try {
      closeSync(openSync(lock, 'wx'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null
      throw error
    }
    return join(this.path, `${key}-${randomUUID()}${LISTS}`)
  }

  /** Nobody is at it any more; without this, a failure is tried again after LOCK_MS. */
  giveUp(key: string): void {
    rmSync(this.#lock(key), { force: true })
  }

  /** @returns a new folder to make an archive in */
  workshop(): string {
    const folder = join(this.path, `${UNDER_WAY}${randomUUID()}`)
    mkdirSync(folder, { mode: PRIVATE_MODE })
    return folder
  }

  /** Takes a folder with ARCHIVE and NAMES in; one that is there already stays. */
  publish(key: string, workshop: string): void {
    try {
      renameSync(workshop, join(this.path, key))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Another worker was sooner.
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    }
    this.giveUp(key)
  }

  /** Removes what nobody has used for long, what is too much, and what was left half done. JVMs keep what they have mapped. */
  prune(nowMs = Date.now()): void {
    const entries = readdirSync(this.path).map((name) => {
      const path = join(this.path, name)
      return { name, path, usedMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs }
    })
    const archives = entries
      .filter(({ name }) => /^[0-9a-f]+$/.test(name))
      .sort((a, b) => b.usedMs - a.usedMs)
    for (const [at, { path, usedMs }] of archives.entries()) {
      if (at >= MAX_ARCHIVES || nowMs - usedMs > UNUSED_MS) this.#remove(path)
    }
    for (const { name, path, usedMs } of entries) {
      if (nowMs - usedMs < ABANDONED_MS) continue
      if (name.startsWith(UNDER_WAY)) rmSync(path, { recursive: true, force: true })
      else if (name.endsWith(LISTS) || name.endsWith(LOCK)) rmSync(path, { force: true })
    }
  }

  /** All of it at once: half an archive is never seen. */
  #remove(path: string): void {
    const gone = join(this.path, `${UNDER_WAY}${randomUUID()}`)
    try {
      renameSync(path, gone)
    } catch (error) {
      // Another worker prunes as well.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    rmSync(gone, { recursive: true, force: true })
  }

  #lock(key: string): string {
    return join(this.path, `${key}${LOCK}`)
  }
}
