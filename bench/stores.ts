/**
 * The stores: commits that are on disk when they are answered, by engine and size of batch, and the workload of Spark's
 * own PersistenceEngineBenchmark (1,000 workers, 2,000 drivers, 2,000 applications: written, read back, deleted).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStore } from '../examples/custom-recovery/directory-store.js'
import { CODEC_NAMES } from '../src/store/codec/codec.js'
import type { StoreChange, StoreEngine } from '../src/store/engine.js'
import { Journal } from '../src/store/journal.js'
import { RocksStore } from '../src/store/rocksdb.js'
import { type Figure, quantile } from './figures.js'

interface Candidate {
  readonly name: string
  /** A large one is slow enough to say what there is to say with fewer commits. */
  readonly patience: number
  readonly create: (folder: string) => StoreEngine
}

const log = { info: () => {}, warn: () => {}, error: () => {} }

const candidates: Candidate[] = [
  { name: 'FILESYSTEM', patience: 1, create: (folder) => new Journal(folder) },
  ...CODEC_NAMES.map((codec): Candidate => ({
    name: `FILESYSTEM with ${codec}`,
    patience: 0.5,
    create: (folder) => new Journal(folder, { codec }),
  })),
  { name: 'ROCKSDB', patience: 1, create: (folder) => new RocksStore(folder) },
  {
    name: 'CUSTOM, a file for each record',
    patience: 0.05,
    create: (folder) =>
      createStore({ configuration: { 'spark.deploy.recoveryDirectory': folder }, log }),
  },
]

const REGISTRATION_BYTES = 700
const BATCH_RECORDS = 100
const WORKERS = 1000
const DRIVERS = 2000
const APPLICATIONS = 2000

/** As compressible as a registration: names, addresses and settings. */
function record(index: number, bytes: number): Uint8Array {
  const unit = `worker-20261121-10.0.${index & 255}.${(index * 7) & 255}-${40_000 + (index % 20_000)} spark.executor.memory=${index % 64}g;`
  return Buffer.from(unit.repeat(Math.ceil(bytes / unit.length)).slice(0, bytes))
}

function registrations(from: number, count: number): StoreChange[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `worker_worker-20261121-10.0.0.1-${from + index}`,
    record: record(from + index, REGISTRATION_BYTES),
  }))
}

async function withStore<T>(
  { create }: Candidate,
  use: (engine: StoreEngine, again: () => Promise<StoreEngine>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'magneto-bench-store-'))
  let engine = create(folder)
  try {
    await engine.open()
    return await use(engine, async () => {
      await engine.close()
      engine = create(folder)
      return engine
    })
  } finally {
    await engine.close()
    await rm(folder, { recursive: true, force: true })
  }
}

const note = (what: string) =>
  `${what}; keys and records made before, one commit at a time, each on disk before the next`

async function throughput(candidate: Candidate): Promise<Figure[]> {
  const commits = Math.ceil(400 * candidate.patience)
  const batches = Array.from({ length: commits }, (_, index) =>
    registrations(index * BATCH_RECORDS, BATCH_RECORDS),
  )
  return withStore(candidate, async (engine) => {
    for (const batch of batches.slice(0, 10)) await engine.commit(batch)
    const cpu = process.cpuUsage()
    const start = performance.now()
    for (const batch of batches) await engine.commit(batch)
    const seconds = (performance.now() - start) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const records = commits * BATCH_RECORDS
    const what = note(`${records.toLocaleString('en')} records of 700 bytes, 100 a commit`)
    return [
      {
        name: `${candidate.name}: durable registrations`,
        value: records / seconds,
        unit: '1/s',
        note: what,
      },
      {
        name: `${candidate.name}: CPU of one`,
        value: (user + system) / records,
        unit: 'us',
        note: what,
      },
    ]
  })
}

async function latency(candidate: Candidate, records: number): Promise<Figure[]> {
  const commits = Math.ceil((records > 100 ? 60 : 400) * candidate.patience)
  return withStore(candidate, async (engine) => {
    const took: number[] = []
    for (let commit = -3; commit < commits; commit += 1) {
      const batch = registrations((commit + 3) * records, records)
      const start = performance.now()
      await engine.commit(batch)
      if (commit >= 0) took.push(performance.now() - start)
    }
    const what = `${commits} commits, 700 bytes a record`
    return ([0.5, 0.99] as const).map((q) => ({
      name: `${candidate.name}: a commit of ${records}, p${q * 100}`,
      value: quantile(took, q),
      unit: 'ms',
      note: what,
    }))
  })
}

/** @param grouped how many records one commit takes */
async function spark(candidate: Candidate, grouped: number): Promise<Figure> {
  const changes: StoreChange[] = [
    ...Array.from({ length: WORKERS }, (_, i) => ({ key: `worker_${i}`, record: record(i, 700) })),
    ...Array.from({ length: DRIVERS }, (_, i) => ({ key: `driver_${i}`, record: record(i, 1200) })),
    ...Array.from({ length: APPLICATIONS }, (_, i) => ({
      key: `app_${i}`,
      record: record(i, 1500),
    })),
  ]
  return withStore(candidate, async (engine, again) => {
    const inGroups = async (store: StoreEngine, all: readonly StoreChange[]): Promise<void> => {
      for (let at = 0; at < all.length; at += grouped)
        await store.commit(all.slice(at, at + grouped))
    }
    const start = performance.now()
    await inGroups(engine, changes)
    const reopened = await again()
    const { records } = await reopened.open()
    if (records.length !== changes.length) throw new Error(`${records.length} records came back`)
    await inGroups(
      reopened,
      records.map(({ key }) => ({ key, record: null })),
    )
    return {
      name: `${candidate.name}: PersistenceEngineBenchmark, ${grouped} a commit`,
      value: performance.now() - start,
      unit: 'ms',
      note: '1,000 workers, 2,000 drivers, 2,000 applications: written, closed and read back, deleted; every commit synced',
    }
  })
}

/** From PersistenceEngineBenchmark-results.txt of Apache Spark: OpenJDK 17, AMD EPYC 7763, nothing synced. */
const published: Figure[] = (
  [
    ['ZooKeeper, Java serializer', 6559],
    ['FILESYSTEM, Java serializer', 1597],
    ['FILESYSTEM with lz4, Java serializer', 606],
    ['FILESYSTEM, Kryo', 468],
    ['ROCKSDB, Java serializer', 270],
    ['ROCKSDB, Kryo', 91],
  ] as const
).map(([name, value]) => ({
  name: `Spark, ${name}: PersistenceEngineBenchmark`,
  value,
  unit: 'ms',
  note: 'published in PersistenceEngineBenchmark-results.txt of Apache Spark: JDK 17, AMD EPYC 7763; nothing is synced there',
}))

export async function stores(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const candidate of candidates) {
    figures.push(...(await throughput(candidate)))
    for (const records of candidate.patience < 0.1 ? [1, 10, 100] : [1, 10, 100, 1000])
      figures.push(...(await latency(candidate, records)))
    // Where each record is two syncs, 10,000 changes take a minute and say nothing new.
    if (candidate.patience < 0.1) continue
    for (const grouped of [1, BATCH_RECORDS]) figures.push(await spark(candidate, grouped))
  }
  return [...figures, ...published]
}
