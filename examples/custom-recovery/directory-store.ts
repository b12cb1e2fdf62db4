/**
 * A store of one's own (spark.deploy.recoveryMode=CUSTOM): one file for each record, in the folder that
 * `spark.deploy.recoveryDirectory` names. A record is replaced by renaming a new file over it, so that a crash leaves the
 * old one or the new one. It is what Spark's FILESYSTEM does, but synced; a commit costs two syncs for each change.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import {
  LockFile,
  StoreError,
  type OpenedStore,
  type StoreChange,
  type StoreEngine,
  type StoreOptions,
  type StoredRecord,
} from '../../src/store/index.js'

const SUFFIX = '.record'

/** What the master calls. */
export function createStore({ configuration, log }: StoreOptions): StoreEngine {
  const folder = configuration['spark.deploy.recoveryDirectory']
  if (folder === undefined || folder === '')
    throw new StoreError('name a folder for the records: spark.deploy.recoveryDirectory')
  log.info(`records are kept one by one in ${folder}`)
  return new DirectoryStore(folder)
}

/** Keys may hold slashes and be longer than a file's name may be: the name is a hash, the key is in the file. */
function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex') + SUFFIX
}

class DirectoryStore implements StoreEngine {
  readonly #folder: string
  readonly #lock: LockFile
  #open = false
  #broken: StoreError | null = null
  #committing: Promise<void> = Promise.resolve()

  constructor(folder: string) {
    this.#folder = folder
    this.#lock = new LockFile(join(folder, 'lock'))
  }

  async open(): Promise<OpenedStore> {
    await mkdir(this.#folder, { recursive: true })
    await this.#lock.acquire()
    try {
      const opened = await this.#load()
      this.#broken = null
      this.#open = true
      return opened
    } catch (error) {
      await this.#lock.release()
      throw new StoreError(`can't read ${this.#folder}: ${String(error)}`, { cause: error })
    }
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    if (this.#broken !== null) throw this.#broken
    if (!this.#open) throw new StoreError('the store is not open')
    const committing = this.#write(changes)
    this.#committing = committing.catch(() => {})
    try {
      await committing
    } catch (error) {
      this.#broken = new StoreError(`can't write ${this.#folder}: ${String(error)}`, {
        cause: error,
      })
      throw this.#broken
    }
  }

  async close(): Promise<void> {
    this.#open = false
    await this.#committing
    await this.#lock.release()
  }

  async #load(): Promise<OpenedStore> {
    const records: StoredRecord[] = []
    const damaged = []
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name)
      if (name.endsWith('.new')) await rm(path)
      if (!name.endsWith(SUFFIX)) continue
      const file = await readFile(path)
      // A line of JSON with the key, then the record as it is.
      const end = file.indexOf('\n')
      const key = keyIn(file.toString('utf8', 0, Math.max(end, 0)))
      if (key !== null && nameOf(key) === name) {
        records.push({ key, record: new Uint8Array(file.subarray(end + 1)) })
        continue
      }
      const kept = join(this.#folder, `damaged-${name}`)
      await rename(path, kept)
      damaged.push({ file: kept, reason: `${name} does not say which record it is` })
    }
    return { records, damaged }
  }

  /** One after the other: a crash leaves the first few. */
  async #write(changes: readonly StoreChange[]): Promise<void> {
    for (const { key, record } of changes) {
      const path = join(this.#folder, nameOf(key))
      if (record === null) {
        await rm(path, { force: true })
      } else {
        const file = await open(`${path}.new`, 'w')
        try {
          await file.writeFile(Buffer.concat([Buffer.from(`${JSON.stringify({ key })}\n`), record]))
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(`${path}.new`, path)
      }
      await this.#syncFolder()
    }
  }

  async #syncFolder(): Promise<void> {
    const folder = await open(this.#folder, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }
}

function keyIn(line: string): string | null {
  try {
    const { key } = JSON.parse(line) as { key?: unknown }
    return typeof key === 'string' ? key : null
  } catch {
    return null
  }
}
