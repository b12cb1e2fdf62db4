/**
 * recoveryMode FILESYSTEM (spec H3): files of checksummed entries, one batch and one sync for each commit. Opening it
 * writes what counts to a new file, so that nothing is ever mended in place; a file that is mostly garbage is rewritten
 * beside the commits. `journal-folder.ts` says why a second master can't harm it, `journal-format.ts` what is in
 * the files.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { codecNamed, loadCodec, type Codec, type CodecName } from './codec/codec.js'
import { CodecError } from './codec/matcher.js'
import {
  StoreError,
  type DamagedPart,
  type OpenedStore,
  type StoreChange,
  type StoreEngine,
  type StoredRecord,
} from './engine.js'
import { systemFiles, type Files } from './files.js'
import { CompactionStopped, compact } from './journal-compaction.js'
import { JournalFile } from './journal-file.js'
import { JournalFolder, type FoundJournal } from './journal-folder.js'
import { PUT, type FoundEntry } from './journal-format.js'
import type { DamagedBytes } from './journal-scan.js'
import { LockFile, type Lock } from './lock-file.js'

/** Below this size a journal is never worth rewriting. */
const COMPACT_FROM_BYTES = 4 * 1024 * 1024
/** A file is rewritten when it is this many times as large as what counts in it. */
const GARBAGE_FACTOR = 2
/** After a rewriting that failed the file grows by this before the next is tried. */
const RETRY_GROWTH = 1.5
const CHUNK_BYTES = 1024 * 1024

export interface JournalOptions {
  /** spark.deploy.recoveryCompressionCodec; what is packed otherwise stays readable. */
  readonly codec?: CodecName | null
  readonly compactFromBytes?: number
  /** Keeps a second master out; absent: a file in the folder. */
  readonly lock?: Lock
  readonly files?: Files
}

/** What counted in the file before. */
interface Loaded {
  readonly entries: readonly FoundEntry[]
  readonly records: readonly StoredRecord[]
  readonly damaged: readonly DamagedBytes[]
}

export class Journal implements StoreEngine {
  readonly #folder: string
  readonly #files: Files
  readonly #place: JournalFolder
  readonly #lock: Lock
  readonly #codecName: CodecName | null
  readonly #compactFromBytes: number
  #codec: Codec | null = null
  #file: JournalFile | null = null
  /** It says that it is complete: it must not be removed. */
  #complete = false
  #broken: StoreError | null = null
  /** The last number that is ours. */
  #newest = 0
  #turn: Promise<void> = Promise.resolve()
  #compaction: Promise<void> | null = null
  #compactAgainBytes = 0
  #closing = false

  /** @param folder spark.deploy.recoveryDirectory; created when it is missing */
  constructor(folder: string, options: JournalOptions = {}) {
    this.#folder = folder
    this.#files = options.files ?? systemFiles
    this.#place = new JournalFolder(folder, this.#files)
    this.#lock = options.lock ?? new LockFile(join(folder, 'lock'))
    this.#codecName = options.codec ?? null
    this.#compactFromBytes = options.compactFromBytes ?? COMPACT_FROM_BYTES
  }

  open(): Promise<OpenedStore> {
    return this.#exclusively(async () => {
      if (this.#file !== null) throw new StoreError(`the journal in ${this.#folder} is open`)
      try {
        await this.#files.makeFolder(this.#folder)
      } catch (error) {
        throw new StoreError(
          `can't create the recovery directory ${this.#folder}: ${String(error)}`,
          { cause: error },
        )
      }
      await this.#lock.acquire()
      this.#closing = false
      this.#broken = null
      try {
        return await this.#load()
      } catch (error) {
        await this.#giveBack()
        if (error instanceof StoreError) throw error
        throw new StoreError(`can't open the journal in ${this.#folder}: ${String(error)}`, {
          cause: error,
        })
      }
    })
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    await this.#exclusively(async () => {
      if (this.#broken !== null) throw this.#broken
      const file = this.#file
      if (file === null) throw new StoreError('the journal is not open')
      if (changes.length === 0) return
      try {
        await file.append(changes, this.#codec)
        await file.datasync()
        await this.#place.mustBeNewest(this.#newest)
      } catch (error) {
        // After a failed sync nobody can say what the disk holds, not even a later sync that succeeds.
        throw this.#breaks(error)
      }
      this.#compactIfWorthwhile(file)
    })
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#compaction
    await this.#exclusively(() => this.#giveBack())
  }

  async #giveBack(): Promise<void> {
    const file = this.#file
    this.#file = null
    if (file !== null) {
      await file.close().catch(() => {})
      if (!this.#complete) await this.#place.remove(file.number).catch(() => {})
    }
    await this.#lock.release()
  }

  /** What is called meanwhile waits. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn
    const working = before.then(work)
    this.#turn = working.then(
      () => undefined,
      () => undefined,
    )
    return working
  }

  #breaks(error: unknown): StoreError {
    this.#broken ??=
      error instanceof StoreError
        ? error
        : new StoreError(`can't write the journal in ${this.#folder}: ${String(error)}`, {
            cause: error,
          })
    return this.#broken
  }

  async #load(): Promise<OpenedStore> {
    this.#codec = this.#codecName === null ? null : await loadCodec(this.#codecName)
    // The number first, then the reading: whoever has the one before acknowledges nothing from now on.
    const { number, file } = await this.#place.claim()
    this.#newest = number
    this.#complete = false
    this.#file = new JournalFile(number, file, 0)
    const found = await this.#place.newestBelow(number)
    const loaded = await decoded(found)
    // Version 1 has no salt of its own.
    const salt = found?.journal.version === 2 ? found.journal.salt : randomBytes(4).readUInt32LE()
    const next = new JournalFile(number, file, salt)
    this.#file = next
    const damaged: DamagedPart[] = []
    try {
      for (const part of loaded.damaged) {
        const kept = await this.#place.setAside(found!.number, part)
        damaged.push({ file: kept, reason: part.reason })
      }
      await this.#writeAnew(next, loaded, found)
    } catch (error) {
      // What was read stays where it is; the first commit says why nothing can be written.
      this.#breaks(error)
      for (const { reason } of loaded.damaged.slice(damaged.length))
        damaged.push({ file: this.#place.path(found!.number), reason })
    }
    return { records: loaded.records, damaged }
  }

  async #writeAnew(next: JournalFile, loaded: Loaded, found: FoundJournal | null): Promise<void> {
    await next.start()
    const version1 = found?.journal.version === 1
    for (const { from, to } of chunks(loaded.entries)) {
      if (version1) await next.append(loaded.records.slice(from, to), this.#codec)
      else await next.appendRaw(loaded.entries.slice(from, to))
    }
    await next.datasync()
    await next.complete()
    await this.#place.sync()
    await this.#place.mustBeNewest(next.number)
    this.#complete = true
    this.#compactAgainBytes = 0
    // What is left is removed by the next opening.
    await this.#place.removeBelow(next.number).catch(() => {})
  }

  #compactIfWorthwhile(file: JournalFile): void {
    if (this.#compaction !== null || this.#closing) return
    if (file.bytes < Math.max(this.#compactFromBytes, this.#compactAgainBytes)) return
    if (file.liveBytes * GARBAGE_FACTOR >= file.bytes) return
    this.#compaction = this.#compact(file).finally(() => (this.#compaction = null))
  }

  /** Never throws: the next commit says what went wrong, if it matters to it. */
  async #compact(from: JournalFile): Promise<void> {
    let to: JournalFile | null = null
    try {
      // In a turn of its own: a commit that finds the file must know that it is ours.
      to = await this.#exclusively(async () => {
        const { number, file } = await this.#place.claimBehind(from.number)
        this.#newest = number
        return new JournalFile(number, file, from.salt)
      })
      await compact({
        folder: this.#place,
        from,
        to,
        exclusively: (work) => this.#exclusively(work),
        mayGoOn: () => {
          if (this.#broken !== null) throw this.#broken
          if (this.#closing) throw new CompactionStopped('the journal is being closed')
        },
        onSwitch: () => (this.#file = to),
      })
      await from.close().catch(() => {})
      await this.#place.removeBelow(to.number).catch(() => {})
    } catch (error) {
      await this.#notCompacted(from, to, error)
    }
  }

  async #notCompacted(from: JournalFile, to: JournalFile | null, error: unknown): Promise<void> {
    if (to !== null && this.#file === to) {
      // Nobody knows whether the new file counts already: neither may grow.
      this.#breaks(error)
      await from.close().catch(() => {})
      return
    }
    this.#compactAgainBytes = from.bytes * RETRY_GROWTH
    if (to === null) {
      if (error instanceof StoreError) this.#breaks(error)
      return
    }
    await to.close().catch(() => {})
    await this.#place.remove(to.number).catch(() => {})
    this.#newest = from.number
  }
}

/** Stretches of about as many bytes as are written at once. */
function* chunks(entries: readonly FoundEntry[]): Generator<{ from: number; to: number }> {
  let from = 0
  let bytes = 0
  for (const [index, { raw }] of entries.entries()) {
    bytes += raw.byteLength
    if (bytes < CHUNK_BYTES && index + 1 < entries.length) continue
    yield { from, to: index + 1 }
    from = index + 1
    bytes = 0
  }
}

/** @throws StoreError when a codec needs a package that is not installed */
async function decoded(found: FoundJournal | null): Promise<Loaded> {
  if (found === null) return { entries: [], records: [], damaged: [] }
  const last = new Map<string, FoundEntry>()
  for (const entry of found.journal.entries) {
    last.delete(entry.key)
    if (entry.kind === PUT) last.set(entry.key, entry)
  }
  const entries: FoundEntry[] = []
  const records: StoredRecord[] = []
  const damaged = [...found.journal.damaged]
  const codecs = new Map<number, Codec>()
  for (const entry of last.values()) {
    try {
      records.push({ key: entry.key, record: await recordOf(entry, codecs) })
      entries.push(entry)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      const reason = `record '${entry.key.slice(0, 80)}' can't be unpacked: ${error.message}`
      damaged.push({ offset: entry.offset, bytes: entry.raw, reason })
    }
  }
  return { entries, records, damaged }
}

/** @throws CodecError when it can't be unpacked */
async function recordOf(entry: FoundEntry, codecs: Map<number, Codec>): Promise<Uint8Array> {
  // A copy: the file it stands in may go.
  if (entry.codec === 0) return new Uint8Array(entry.body)
  let codec = codecs.get(entry.codec)
  if (codec === undefined) {
    const name = codecNamed(entry.codec)
    if (name === null) throw new CodecError(`this release knows no codec ${entry.codec}`)
    codec = await loadCodec(name)
    codecs.set(entry.codec, codec)
  }
  return codec.decompress(entry.body, entry.size)
}
