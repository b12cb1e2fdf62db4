/** One file of the journal while it is written: where the last entry of each key stands, and how much of it still counts. */
import type { Codec } from './codec/codec.js'
import type { StoreChange } from './engine.js'
import type { OpenFile } from './files.js'
import {
  BATCH_HEADER_BYTES,
  COMPLETE,
  FILE_HEADER_BYTES,
  encodeBatch,
  fileHeader,
  writeBatchHeader,
} from './journal-format.js'

/** One buffer must be able to hold all of it. */
export const MAX_JOURNAL_BYTES = 2 * 1024 * 1024 * 1024

export interface Place {
  readonly offset: number
  readonly bytes: number
}

/** An entry as it stands in another file of the same salt. */
export interface RawEntry {
  readonly key: string
  readonly raw: Uint8Array
}

export class JournalFile {
  readonly number: number
  readonly salt: number
  readonly #file: OpenFile
  /** In the order they were written. */
  #places = new Map<string, Place>()
  #bytes = 0
  #liveBytes = 0

  constructor(number: number, file: OpenFile, salt: number) {
    this.number = number
    this.#file = file
    this.salt = salt
  }

  get bytes(): number {
    return this.#bytes
  }

  get liveBytes(): number {
    return this.#liveBytes
  }

  get places(): ReadonlyMap<string, Place> {
    return this.#places
  }

  /** Synced at once: a file that has anything behind its header has its header, too. */
  async start(): Promise<void> {
    await this.#file.write(fileHeader(this.salt), 0)
    await this.#file.datasync()
    this.#bytes = FILE_HEADER_BYTES
  }

  /** One commit; not synced yet. @throws RangeError for a key or a record that is too large */
  async append(changes: readonly StoreChange[], codec: Codec | null): Promise<void> {
    const { bytes, entryBytes } = encodeBatch(changes, { salt: this.salt, codec, flags: 0 })
    let at = this.#bytes + BATCH_HEADER_BYTES
    await this.#write(bytes)
    for (const [index, { key, record }] of changes.entries()) {
      this.#note(key, record === null ? null : { offset: at, bytes: entryBytes[index]! })
      at += entryBytes[index]!
    }
  }

  /** Entries of records, none of them a FORGET. */
  async appendRaw(entries: readonly RawEntry[]): Promise<void> {
    const size = entries.reduce((sum, { raw }) => sum + raw.byteLength, 0)
    const bytes = Buffer.allocUnsafe(BATCH_HEADER_BYTES + size)
    writeBatchHeader(bytes, 0, { salt: this.salt, bytes: size, count: entries.length, flags: 0 })
    const from = this.#bytes
    let at = BATCH_HEADER_BYTES
    for (const { raw } of entries) {
      bytes.set(raw, at)
      at += raw.byteLength
    }
    await this.#write(bytes)
    at = from + BATCH_HEADER_BYTES
    for (const { key, raw } of entries) {
      this.#note(key, { offset: at, bytes: raw.byteLength })
      at += raw.byteLength
    }
  }

  /** Whole batches of `from`, as they are; `adopt` says later what is in them. */
  async appendBatches(from: JournalFile, start: number, end: number): Promise<void> {
    await this.#write(await from.read(start, end - start))
  }

  /**
   * Takes over where everything stands, after this file was made of `from`: what stood before `tailStart` was copied by
   * entry, the rest by batch and so lies `shift` further on.
   */
  adopt(from: JournalFile, tailStart: number, shift: number): void {
    const copied = this.#places
    this.#places = new Map()
    this.#liveBytes = 0
    for (const [key, place] of from.places) {
      const { offset, bytes } = place.offset < tailStart ? copied.get(key)! : place
      this.#note(key, { offset: place.offset < tailStart ? offset : offset + shift, bytes })
    }
  }

  /** All before it must be synced: nothing that a crash leaves may say that more is here than is. */
  async complete(): Promise<void> {
    const mark = Buffer.alloc(BATCH_HEADER_BYTES)
    writeBatchHeader(mark, 0, { salt: this.salt, bytes: 0, count: 0, flags: COMPLETE })
    await this.#write(mark)
    await this.datasync()
  }

  async read(start: number, bytes: number): Promise<Buffer> {
    const into = Buffer.allocUnsafe(bytes)
    await this.#file.read(into, start)
    return into
  }

  datasync(): Promise<void> {
    return this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#bytes + bytes.byteLength > MAX_JOURNAL_BYTES)
      throw new RangeError(`the journal would be larger than ${MAX_JOURNAL_BYTES} bytes`)
    await this.#file.write(bytes, this.#bytes)
    this.#bytes += bytes.byteLength
  }

  #note(key: string, place: Place | null): void {
    const before = this.#places.get(key)
    if (before !== undefined) this.#liveBytes -= before.bytes
    this.#places.delete(key)
    if (place === null) return
    this.#places.set(key, place)
    this.#liveBytes += place.bytes
  }
}
