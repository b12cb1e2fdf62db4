/**
 * recoveryMode ROCKSDB (spec H4): one database in the recovery directory, key = the name in UTF-8. Each commit is one
 * write batch, synced before it is acknowledged (Spark's are not). The database's own lock keeps a second master out.
 * The package is optional and loaded on first use.
 */
import { mkdir } from 'node:fs/promises'
import type { OpenedStore, StoreChange, StoreEngine, StoredRecord } from './engine.js'
import { StoreError } from './engine.js'

const PACKAGE = 'rocksdb'
/** The version that the tests run with. */
const VERSION = '5.2.1'

type Done<T = unknown> = (error: Error | null | undefined, result?: T) => void

interface Iterator {
  next(done: (error: Error | null | undefined, key?: Buffer, value?: Buffer) => void): void
  end(done: Done): void
}

/** What is used of the package (abstract-leveldown 7). */
interface Database {
  open(options: { createIfMissing: boolean }, done: Done): void
  batch(changes: readonly object[], options: { sync: boolean }, done: Done): void
  iterator(): Iterator
  close(done: Done): void
}

export interface RocksOptions {
  /** Loads the package; for tests. */
  readonly load?: () => Promise<unknown>
}

function called<T>(call: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => {
      if (error) reject(error)
      else resolve(result as T)
    })
  })
}

export class RocksStore implements StoreEngine {
  readonly #folder: string
  readonly #load: () => Promise<unknown>
  #database: Database | null = null
  #broken: StoreError | null = null
  /** What the database is doing: it must not be closed under it. */
  #busy: Promise<unknown> = Promise.resolve()

  /** @param folder spark.deploy.recoveryDirectory; created when it is missing */
  constructor(folder: string, { load = () => import(PACKAGE) }: RocksOptions = {}) {
    this.#folder = folder
    this.#load = load
  }

  async open(): Promise<OpenedStore> {
    if (this.#database !== null) throw new StoreError(`the database in ${this.#folder} is open`)
    const database = await this.#create()
    try {
      await mkdir(this.#folder, { recursive: true })
      await called((done) => database.open({ createIfMissing: true }, done))
    } catch (error) {
      const text = String(error)
      throw new StoreError(
        /lock/i.test(text)
          ? `the database in ${this.#folder} is in use (${text}); stop that master, or give this one another spark.deploy.recoveryDirectory`
          : `can't open the database in ${this.#folder}: ${text}`,
        { cause: error },
      )
    }
    this.#database = database
    this.#broken = null
    try {
      const reading = readAll(database)
      this.#busy = reading.catch(() => {})
      return { records: await reading, damaged: [] }
    } catch (error) {
      await this.close()
      throw new StoreError(`can't read the database in ${this.#folder}: ${String(error)}`, {
        cause: error,
      })
    }
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    if (this.#broken !== null) throw this.#broken
    const database = this.#database
    if (database === null) throw new StoreError('the database is not open')
    const batch = changes.map(({ key, record }) =>
      record === null
        ? { type: 'del', key: Buffer.from(key) }
        : { type: 'put', key: Buffer.from(key), value: asBuffer(record) },
    )
    try {
      const writing = called((done) => database.batch(batch, { sync: true }, done))
      this.#busy = writing.catch(() => {})
      await writing
    } catch (error) {
      this.#broken = new StoreError(
        `can't write the database in ${this.#folder}: ${String(error)}`,
        { cause: error },
      )
      throw this.#broken
    }
  }

  async close(): Promise<void> {
    const database = this.#database
    this.#database = null
    if (database === null) return
    await this.#busy
    await called((done) => database.close(done)).catch(() => {})
  }

  async #create(): Promise<Database> {
    try {
      const loaded = (await this.#load()) as { default: (folder: string) => Database }
      return loaded.default(this.#folder)
    } catch (error) {
      throw new StoreError(
        `spark.deploy.recoveryMode=ROCKSDB needs a package: npm install ${PACKAGE}@${VERSION} (${String(error)})`,
        { cause: error },
      )
    }
  }
}

/** Without a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** In the order of the keys: a database does not know which was written first. */
async function readAll(database: Database): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  const iterator = database.iterator()
  try {
    for (;;) {
      const found = await nextOf(iterator)
      if (found === null) return records
      records.push(found)
    }
  } finally {
    await called((done) => iterator.end(done))
  }
}

function nextOf(iterator: Iterator): Promise<StoredRecord | null> {
  return new Promise((resolve, reject) => {
    iterator.next((error, key, value) => {
      if (error) reject(error)
      else if (key === undefined) resolve(null)
      else resolve({ key: key.toString(), record: new Uint8Array(value ?? []) })
    })
  })
}
