/**
 * The folder of a journal. Each opening, and each rewriting of a file that is mostly garbage, makes a file of the next
 * number, `journal-<number>`, and nothing is ever written over: of several masters that try to make the same number
 * one wins, and who finds a number above its own has been replaced. That is what keeps the records whole when the lock
 * fails to keep a second master out (a process that was stopped for longer than its lock counts, a file that somebody
 * deleted): whoever makes the next number has everything that was acknowledged before, since it reads after that, and
 * whoever was replaced finds out before it acknowledges anything.
 *
 * A file counts once it says that it is COMPLETE; until then the one before does. Older ones go only then.
 */
import { join } from 'node:path'
import { StoreError } from './engine.js'
import { writeDurably, type Files, type OpenFile } from './files.js'
import { scanJournal, type DamagedBytes, type ScannedJournal } from './journal-scan.js'

/** What earlier releases wrote; it counts as number 0. */
const FIRST_NAME = 'journal'
const NAME_DIGITS = 10
const DAMAGED_PREFIX = 'damaged-'
/** Files of damaged bytes that are kept; the oldest go. */
export const MAX_DAMAGED_FILES = 100
/** Others may make numbers at the same moment; more in a row is no accident. */
const MAX_CLAIMS = 100

function nameOf(number: number): string {
  return number === 0 ? FIRST_NAME : `${FIRST_NAME}-${String(number).padStart(NAME_DIGITS, '0')}`
}

/** @returns null for other files */
function numberOf(name: string): number | null {
  if (name === FIRST_NAME) return 0
  const digits = /^journal-(\d+)$/.exec(name)?.[1]
  return digits === undefined ? null : Number(digits)
}

export interface ClaimedFile {
  readonly number: number
  readonly file: OpenFile
}

export interface FoundJournal {
  readonly number: number
  readonly journal: ScannedJournal
}

export class JournalFolder {
  readonly #folder: string
  readonly #files: Files

  constructor(folder: string, files: Files) {
    this.#folder = folder
    this.#files = files
  }

  path(number: number): string {
    return join(this.#folder, nameOf(number))
  }

  /** Makes the file of the next number. */
  async claim(): Promise<ClaimedFile> {
    for (let attempt = 0; attempt < MAX_CLAIMS; attempt += 1) {
      const number = Math.max(0, ...(await this.#numbers())) + 1
      try {
        return { number, file: await this.#files.create(this.path(number)) }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
    throw new StoreError(`other masters keep making journals in ${this.#folder}; stop them`)
  }

  /** Makes the file behind `number`, which is ours. @throws StoreError when another master has made it */
  async claimBehind(number: number): Promise<ClaimedFile> {
    try {
      return { number: number + 1, file: await this.#files.create(this.path(number + 1)) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw this.#replaced()
      throw error
    }
  }

  /** Reads what counts of the files below `number`. @throws StoreError when one is no journal of this release */
  async newestBelow(number: number): Promise<FoundJournal | null> {
    const numbers = (await this.#numbers()).filter((found) => found < number).sort((a, b) => b - a)
    let incomplete: FoundJournal | null = null
    for (const found of numbers) {
      const journal = await this.#read(found)
      if (journal === null) continue
      if (journal.complete) return { number: found, journal }
      // Without a complete one the oldest has most: the others are copies of it that were not finished.
      if (journal.entries.length > 0) incomplete = { number: found, journal }
    }
    return incomplete
  }

  /** @throws StoreError when a file of a higher number is there: another master has the folder now */
  async mustBeNewest(number: number): Promise<void> {
    if (Math.max(...(await this.#numbers()), number) > number) throw this.#replaced()
  }

  #replaced(): StoreError {
    return new StoreError(
      `another master has taken over ${this.#folder}; what was not acknowledged by then is lost`,
    )
  }

  async removeBelow(number: number): Promise<void> {
    for (const found of await this.#numbers())
      if (found < number) await this.#files.remove(this.path(found))
  }

  async remove(number: number): Promise<void> {
    await this.#files.remove(this.path(number))
  }

  sync(): Promise<void> {
    return this.#files.syncFolder(this.#folder)
  }

  /** @returns the name of the file that keeps the bytes now */
  async setAside(number: number, { offset, bytes }: DamagedBytes): Promise<string> {
    const name = `${DAMAGED_PREFIX}${String(number).padStart(NAME_DIGITS, '0')}-${String(offset).padStart(NAME_DIGITS, '0')}`
    const kept = (await this.#files.list(this.#folder))
      .filter((found) => found.startsWith(DAMAGED_PREFIX))
      .sort()
    // An opening that was cut off has written it already, perhaps in part.
    const oldest = kept.slice(0, Math.max(0, kept.length - MAX_DAMAGED_FILES + 1))
    for (const found of new Set([...oldest, ...kept.filter((other) => other === name)]))
      await this.#files.remove(join(this.#folder, found))
    await writeDurably(this.#files, this.#folder, name, bytes)
    return join(this.#folder, name)
  }

  async #numbers(): Promise<number[]> {
    const names = await this.#files.list(this.#folder)
    return names.map(numberOf).filter((number) => number !== null)
  }

  async #read(number: number): Promise<ScannedJournal | null> {
    const path = this.path(number)
    const file = await this.#files.open(path)
    let bytes: Buffer
    try {
      bytes = Buffer.allocUnsafe(await file.size())
      await file.read(bytes, 0)
    } finally {
      await file.close()
    }
    const scanned = scanJournal(bytes)
    if (scanned === 'empty') return null
    if (typeof scanned !== 'string') return scanned
    throw new StoreError(
      scanned === 'newer'
        ? `${path} was written by a newer release; start that one, or name another recovery directory`
        : `${path} is no journal; move it away or name another recovery directory`,
    )
  }
}
