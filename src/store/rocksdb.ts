/**
 * recoveryMode ROCKSDB (spec H4): one database in the recovery directory, key = the name in UTF-8. Each commit is one
 * write batch, synced before it is acknowledged (Spark's are not). The database's own lock keeps a second master out.
 * The package is optional and loaded on first use.
 */
import { mkdir } from 'node:fs/promises'
import type { OpenedStore, StoreChange, StoreEngine, StoredRecord } from './engine.js'
import { StoreError } from './engine.js'

const PACKAGE = '@nxtedition/rocksdb'
/** The version that the tests run with. */
const VERSION = '12.2.12'

type Change =
  | { readonly type: 'put'; readonly key: Buffer; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Buffer }

/** What is used of the package (abstract-level 1). */
interface Database {
  open(): Promise<void>
  batch(changes: readonly Change[], options: { readonly sync: boolean }): Promise<void>
  iterator(): AsyncIterable<readonly [Buffer, Buffer]>
  close(): Promise<void>
}

interface RocksPackage {
  readonly RocksLevel: new (
    folder: string,
    options: { readonly keyEncoding: 'buffer'; readonly valueEncoding: 'buffer' },
  ) => Database
}

export interface RocksOptions {
  /** Loads the package; for tests. */
  readonly load?: () => Promise<unknown>
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
      await database.open()
    } catch (error) {
      const text = reasonOf(error)
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
      throw new StoreError(`can't read the database in ${this.#folder}: ${reasonOf(error)}`, {
        cause: error,
      })
    }
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    if (this.#broken !== null) throw this.#broken
    const database = this.#database
    if (database === null) throw new StoreError('the database is not open')
    const batch = changes.map(({ key, record }): Change =>
      record === null
        ? { type: 'del', key: Buffer.from(key) }
        : { type: 'put', key: Buffer.from(key), value: asBuffer(record) },
    )
    try {
      const writing = database.batch(batch, { sync: true })
      this.#busy = writing.catch(() => {})
      await writing
    } catch (error) {
      this.#broken = new StoreError(
        `can't write the database in ${this.#folder}: ${reasonOf(error)}`,
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
    await database.close().catch(() => {})
  }

  async #create(): Promise<Database> {
    try {
      const loaded = (await this.#load()) as RocksPackage & { readonly default?: RocksPackage }
      const { RocksLevel } = loaded.default ?? loaded
      return new RocksLevel(this.#folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    } catch (error) {
      throw new StoreError(
        `spark.deploy.recoveryMode=ROCKSDB needs a package: npm install ${PACKAGE}@${VERSION} (${String(error)})`,
        { cause: error },
      )
    }
  }
}

/** The package says what went wrong one level down. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown }
  return String(cause ?? error)
}

/** Without a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** In the order of the keys: a database does not know which was written first. */
async function readAll(database: Database): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  for await (const [key, value] of database.iterator())
    records.push({ key: key.toString(), record: new Uint8Array(value) })
  return records
}
