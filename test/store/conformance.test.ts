/** Every store of ours against the contract of stores. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStore } from '../../examples/custom-recovery/directory-store.js'
import { CODEC_NAMES, type CodecName } from '../../src/store/codec/codec.js'
import type { StoreEngine } from '../../src/store/engine.js'
import { systemFiles, type Files, type OpenFile } from '../../src/store/files.js'
import { Journal } from '../../src/store/journal.js'
import { NoStore } from '../../src/store/none.js'
import { RocksStore } from '../../src/store/rocksdb.js'
import { describeStore, type StorePlace } from './conformance.js'

async function inFolder(
  engineOn: (folder: string) => StoreEngine,
  more: (folder: string) => Partial<StorePlace> = () => ({}),
): Promise<StorePlace> {
  const base = await mkdtemp(join(tmpdir(), 'magneto-store-'))
  let folder = join(base, '0')
  return {
    engine: () => engineOn(folder),
    // What a machine that dies leaves is what is on its disk, and no lock that holds.
    async crash() {
      const left = `${folder}0`
      await cp(folder, left, { recursive: true })
      await rm(join(left, 'lock'), { force: true })
      folder = left
    },
    remove: () => rm(base, { recursive: true, force: true }),
    ...more(base),
  }
}

/** The system's files, of which one sync fails when it is asked for. */
class FailingFiles implements Files {
  failing = false
  readonly makeFolder = (folder: string) => systemFiles.makeFolder(folder)
  readonly list = (folder: string) => systemFiles.list(folder)
  readonly open = (path: string) => systemFiles.open(path)
  readonly remove = (path: string) => systemFiles.remove(path)
  readonly syncFolder = (folder: string) => systemFiles.syncFolder(folder)
  readonly create = async (path: string): Promise<OpenFile> => {
    const file = await systemFiles.create(path)
    return {
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      write: (bytes, position) => file.write(bytes, position),
      close: () => file.close(),
      datasync: async () => {
        if (!this.failing) return file.datasync()
        this.failing = false
        throw new Error('EIO: i/o error, fdatasync')
      },
    }
  }
}

function journalPlace(codec: CodecName | null): Promise<StorePlace> {
  const files = new FailingFiles()
  return inFolder(
    (folder) => new Journal(folder, { codec, files, compactFromBytes: 100_000 }),
    () => ({
      fail: () => {
        files.failing = true
        return Promise.resolve()
      },
    }),
  )
}

describeStore('FILESYSTEM', () => journalPlace(null), { ordered: true })
for (const codec of CODEC_NAMES) {
  describeStore(`FILESYSTEM with ${codec}`, () => journalPlace(codec), {
    ordered: true,
    manyRecords: 5000,
  })
}

// Not a literal: no types of it are needed here.
const PACKAGE: string = '@nxtedition/rocksdb'

interface RocksPackage {
  RocksLevel: new (folder: string, options: object) => object
}

/** The real database, of which one batch fails when it is asked for. */
function rocksPlace(): Promise<StorePlace> {
  let failing = false
  const fails = (): Promise<void> => {
    failing = false
    return Promise.reject(new Error('IO error: No space left on device'))
  }
  const load = async () => {
    const { default: loaded } = (await import(PACKAGE)) as { default: RocksPackage }
    const wrapped = (database: object): object =>
      new Proxy(database, {
        get(target, name) {
          if (failing && name === 'batch') return fails
          const found: unknown = Reflect.get(target, name)
          return typeof found === 'function' ? (found.bind(target) as unknown) : found
        },
      })
    // What a constructor returns is what `new` gives.
    function RocksLevel(folder: string, options: object): object {
      return wrapped(new loaded.RocksLevel(folder, options))
    }
    return { RocksLevel }
  }
  const fail = () => {
    failing = true
    return Promise.resolve()
  }
  return inFolder(
    (folder) => new RocksStore(folder, { load }),
    () => ({ fail }),
  )
}

describeStore('ROCKSDB', rocksPlace)

describeStore(
  'CUSTOM (examples/custom-recovery)',
  () =>
    inFolder(
      (folder) =>
        createStore({
          configuration: { 'spark.deploy.recoveryDirectory': folder },
          log: { info: () => {}, warn: () => {}, error: () => {} },
        }),
      () => ({}),
    ),
  { manyRecords: 300, modelRuns: 5, cannotFail: true },
)

describeStore(
  'NONE',
  () => Promise.resolve({ engine: () => new NoStore(), remove: () => Promise.resolve() }),
  {
    keepsNothing: true,
  },
)
