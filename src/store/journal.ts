/**
 * recoveryMode FILESYSTEM: one append-only file of checksummed entries, synced once a commit. A cut-off tail
 * is what a crash leaves and is dropped; damage elsewhere is set aside in a file of its own; a file that is mostly
 * garbage is written anew and swapped in atomically.
 */
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import type { DamagedPart, OpenedStore, StoreChange, StoreEngine, StoredRecord } from './engine.js'
import { StoreError } from './engine.js'
import { JOURNAL_MAGIC, encodeEntry, scanJournal } from './journal-format.js'
import { LockFile } from './lock-file.js'

const journalName = 'journal'
/** Below this size a journal is never worth rewriting. */
const compactFromBytes = 4 * 1024 * 1024
/** Journals of earlier runs that are kept when a master starts with an empty cluster. */
const keptJournals = 5

interface Place {
  offset: number
  bytes: number
}

export class Journal implements StoreEngine {
  readonly #folder: string
  readonly #lock: LockFile
  readonly #compactFromBytes: number
  readonly #places = new Map<string, Place>()
  #file: FileHandle | null = null
  #bytes = 0
  #liveBytes = 0
  #broken: StoreError | null = null

  /** @param folder spark.deploy.recoveryDirectory; created when it is missing */
  constructor(folder: string, options: { compactFromBytes?: number } = {}) {
    this.#folder = folder
    this.#lock = new LockFile(join(folder, 'lock'))
    this.#compactFromBytes = options.compactFromBytes ?? compactFromBytes
  }

  async open(): Promise<OpenedStore> {
    try {
      await mkdir(this.#folder, { recursive: true })
    } catch (error) {
      throw new StoreError(
        `can't create the recovery directory ${this.#folder}: ${String(error)}`,
        { cause: error },
      )
    }
    await this.#lock.acquire()
    try {
      return await this.#load()
    } catch (error) {
      await this.close()
      if (error instanceof StoreError) throw error
      throw new StoreError(`can't open the journal in ${this.#folder}: ${String(error)}`, {
        cause: error,
      })
    }
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    if (this.#broken !== null) throw this.#broken
    if (this.#file === null) throw new StoreError('the journal is not open')
    try {
      const entries = changes.map((change) => encodeEntry(change))
      const all = Buffer.concat(entries)
      await writeWhole(this.#file, all, this.#bytes)
      await this.#file.datasync()
      for (const [index, entry] of entries.entries()) this.#note(changes[index]!, entry.byteLength)
      if (this.#bytes >= this.#compactFromBytes && this.#liveBytes * 2 < this.#bytes)
        await this.#compact()
    } catch (error) {
      // After a failed sync nobody can say what the disk holds, not even a later sync that succeeds.
      this.#broken = new StoreError(
        `can't write the journal in ${this.#folder}: ${String(error)}`,
        { cause: error },
      )
      throw this.#broken
    }
  }

  /** Moves what was found at open out of the way, under a name with the time; the newest few are kept. */
  async setAside(nowMs: number): Promise<string> {
    const kept = join(
      this.#folder,
      `${journalName}.${new Date(nowMs).toISOString().replaceAll(':', '-')}`,
    )
    await this.#file?.close()
    await rename(join(this.#folder, journalName), kept)
    const names = (await readdir(this.#folder))
      .filter((name) => name.startsWith(`${journalName}.2`))
      .sort()
    for (const name of names.slice(0, -keptJournals)) await unlink(join(this.#folder, name))
    await this.#load()
    return kept
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = null
    await this.#lock.release()
  }

  async #load(): Promise<OpenedStore> {
    const path = join(this.#folder, journalName)
    this.#places.clear()
    // 'a+' creates the file, yet appends whatever the position: writing needs 'r+'.
    await (await open(path, 'a+')).close()
    const file = await open(path, 'r+')
    this.#file = file
    const found = await readFile(path)
    if (found.byteLength < JOURNAL_MAGIC.byteLength && isPrefix(found)) {
      await writeWhole(file, JOURNAL_MAGIC, 0)
      await file.datasync()
      await syncFolder(this.#folder)
    } else if (!isPrefix(found)) {
      throw new StoreError(
        `${path} is no journal of this version; move it away or name another recovery directory`,
      )
    }
    const { entries, damaged, validBytes } = scanJournal(
      found.byteLength === 0 ? JOURNAL_MAGIC : found,
    )
    await file.truncate(validBytes)
    this.#bytes = JOURNAL_MAGIC.byteLength
    this.#liveBytes = 0
    const records = new Map<string, StoredRecord>()
    for (const { change, offset, bytes } of entries) {
      this.#bytes = offset
      this.#note(change, bytes)
      records.delete(change.key)
      if (change.record !== null)
        records.set(change.key, { key: change.key, record: change.record })
    }
    this.#bytes = validBytes
    const parts: DamagedPart[] = []
    for (const { offset, bytes, reason } of damaged) {
      const kept = join(this.#folder, `damaged-${offset}-${bytes.byteLength}`)
      await writeFile(kept, bytes)
      parts.push({ file: kept, reason })
    }
    return { records: [...records.values()], damaged: parts }
  }

  #note(change: StoreChange, bytes: number): void {
    const before = this.#places.get(change.key)
    if (before !== undefined) this.#liveBytes -= before.bytes
    this.#places.delete(change.key)
    if (change.record !== null) {
      this.#places.set(change.key, { offset: this.#bytes, bytes })
      this.#liveBytes += bytes
    }
    this.#bytes += bytes
  }

  async #compact(): Promise<void> {
    const path = join(this.#folder, journalName)
    const fresh = `${path}.new`
    const target = await open(fresh, 'w+')
    let at = JOURNAL_MAGIC.byteLength
    const places = new Map<string, Place>()
    try {
      await writeWhole(target, JOURNAL_MAGIC, 0)
      for (const [key, { offset, bytes }] of this.#places) {
        const entry = Buffer.allocUnsafe(bytes)
        await readWhole(this.#file!, entry, offset)
        await writeWhole(target, entry, at)
        places.set(key, { offset: at, bytes })
        at += bytes
      }
      await target.datasync()
      await rename(fresh, path)
      await syncFolder(this.#folder)
    } catch (error) {
      await target.close()
      throw error
    }
    await this.#file?.close()
    this.#file = target
    this.#places.clear()
    for (const [key, place] of places) this.#places.set(key, place)
    this.#bytes = at
    this.#liveBytes = at - JOURNAL_MAGIC.byteLength
  }
}

async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    done += (await file.write(bytes, done, bytes.byteLength - done, position + done)).bytesWritten
  }
}

async function readWhole(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.byteLength;) {
    const { bytesRead } = await file.read(into, done, into.byteLength - done, position + done)
    if (bytesRead === 0) throw new Error(`the journal ends before ${position + into.byteLength}`)
    done += bytesRead
  }
}

/** Whether the bytes start as a journal does, as far as they go: a crash may have cut off the very first write. */
function isPrefix(found: Buffer): boolean {
  const head = found.subarray(0, JOURNAL_MAGIC.byteLength)
  return head.equals(JOURNAL_MAGIC.subarray(0, head.byteLength))
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
