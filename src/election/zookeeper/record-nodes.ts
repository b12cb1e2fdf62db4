/** Records as nodes: what a commit has to do to them, and reading all of them. */
import { Buffer } from 'node:buffer'

import type { DamagedPart, StoreChange, StoredRecord } from '../../store/engine.js'
import { codecNamed, loadCodec } from '../../store/codec/codec.js'
import {
  type Layout,
  type Manifest,
  VALUE_HEADER_BYTES,
  type ValueCodec,
  keyOf,
  nodeName,
  openValue,
  sealManifest,
  sealRecord,
  unpack,
} from './layout.js'
import { MAX_OPERATIONS, MAX_REQUEST_BYTES, OPERATION_BYTES, READS_AT_ONCE } from './limits.js'
import { type Operation, type ZooKeeperSession, ZooKeeperError } from './session.js'

/** What a transaction has besides the nodes of records: the check of the epoch, the number of the commit. */
const RESERVED_BYTES = 2_048
const MAX_VALUE_BYTES = MAX_REQUEST_BYTES - RESERVED_BYTES
/** An upper bound of a manifest besides its name. */
const MANIFEST_BYTES = 128

/** What one transaction writes. */
export interface CommitPlan {
  readonly number: number
  /** What the node of each key is to hold; null: it is to go. */
  readonly values: ReadonlyMap<string, Uint8Array | null>
  /** Written before the transaction, which makes them count. */
  readonly parts: readonly { readonly path: string; readonly data: Uint8Array }[]
  readonly manifests: ReadonlyMap<string, Manifest>
}

export interface LoadedRecords {
  readonly records: readonly StoredRecord[]
  readonly damaged: readonly DamagedPart[]
}

/** Cuts a batch into what one transaction can hold each, in order. */
export function* groupsOf(changes: readonly StoreChange[]): Generator<readonly StoreChange[]> {
  let group: StoreChange[] = []
  let bytes = RESERVED_BYTES
  for (const change of changes) {
    const cost = costOf(change)
    const full = bytes + cost > MAX_REQUEST_BYTES || group.length >= MAX_OPERATIONS
    if (full && group.length > 0) {
      yield group
      group = []
      bytes = RESERVED_BYTES
    }
    group.push(change)
    bytes += cost
  }
  if (group.length > 0) yield group
}

function costOf({ key, record }: StoreChange): number {
  // Three bytes for each of the key's at worst, and a path before it.
  const name = 3 * key.length + OPERATION_BYTES
  if (record === null) return name
  const bytes = VALUE_HEADER_BYTES + record.byteLength
  return bytes > MAX_VALUE_BYTES ? 2 * name + MANIFEST_BYTES : name + bytes
}

export class RecordNodes {
  readonly #layout: Layout
  /** Nodes that are there, as far as known; with the manifest of those in parts. */
  readonly #known = new Map<string, Manifest | null>()

  readonly #codec: ValueCodec | null
  readonly #codecs = new Map<number, ValueCodec>()

  /** @param codec what values are written with; null: as they are */
  constructor(layout: Layout, codec: ValueCodec | null) {
    this.#layout = layout
    this.#codec = codec
  }

  /** Takes for granted that these are there; a wrong guess is put right when a transaction fails for it. */
  assume(keys: Iterable<string>): void {
    for (const key of keys) this.#known.set(key, null)
  }

  plan(changes: readonly StoreChange[], epoch: number, number: number): CommitPlan {
    const values = new Map<string, Uint8Array | null>()
    const parts: { path: string; data: Uint8Array }[] = []
    const manifests = new Map<string, Manifest>()
    // Of several changes of a key only the last matters.
    for (const { key, record } of changes)
      values.set(key, record === null ? null : sealRecord(record, this.#codec))
    for (const [key, value] of values) {
      if (value === null || value.byteLength <= MAX_VALUE_BYTES) continue
      const id = `${nodeName(key)}.${epoch}-${number}`
      const manifest = { id, parts: Math.ceil(value.byteLength / MAX_VALUE_BYTES) }
      for (const [part, path] of this.#partsOf(manifest).entries()) {
        const from = part * MAX_VALUE_BYTES
        parts.push({ path, data: value.subarray(from, from + MAX_VALUE_BYTES) })
      }
      manifests.set(key, manifest)
      values.set(key, sealManifest(manifest))
    }
    return { number, values, parts, manifests }
  }

  /** What the plan does to the nodes as they are known now; the key of each operation beside it. */
  operations(plan: CommitPlan): { operations: Operation[]; keys: string[] } {
    const operations: Operation[] = []
    const keys: string[] = []
    for (const [key, data] of plan.values) {
      const path = `${this.#layout.records}/${nodeName(key)}`
      const there = this.#known.has(key)
      if (data === null && !there) continue
      keys.push(key)
      if (data === null) operations.push({ kind: 'delete', path })
      else operations.push({ kind: there ? 'set' : 'create', path, data })
    }
    return { operations, keys }
  }

  /** A transaction failed since the node of this key is there, or is not. */
  correct(key: string, there: boolean): void {
    if (there) this.#known.set(key, null)
    else this.#known.delete(key)
  }

  /** The plan is written. @returns part nodes that nothing refers to any more */
  done(plan: CommitPlan): string[] {
    const freed: string[] = []
    for (const [key, value] of plan.values) {
      const before = this.#known.get(key)
      if (before !== undefined && before !== null) freed.push(...this.#partsOf(before))
      if (value === null) this.#known.delete(key)
      else this.#known.set(key, plan.manifests.get(key) ?? null)
    }
    return freed
  }

  /** Reads all. What is no value of ours is left where it is, and told. */
  async load(session: ZooKeeperSession): Promise<LoadedRecords> {
    const names = (await session.children(this.#layout.records)) ?? []
    const found: (StoredRecord & { readonly mzxid: bigint })[] = []
    const damaged: DamagedPart[] = []
    const read = async (name: string): Promise<void> => {
      const path = `${this.#layout.records}/${name}`
      const key = keyOf(name)
      const node = await session.get(path)
      if (node === null) return
      try {
        if (key === null) throw new Error('no key has this name')
        this.#known.set(key, null)
        const record = await this.#open(session, key, node.data)
        found.push({ key, record, mzxid: node.stat.mzxid })
      } catch (error) {
        if (error instanceof ZooKeeperError) throw error
        damaged.push({ file: path, reason: (error as Error).message })
      }
    }
    await atOnce(names, READS_AT_ONCE, read)
    const oldestFirst = found.toSorted((one, other) => Number(one.mzxid - other.mzxid))
    return { records: oldestFirst.map(({ key, record }) => ({ key, record })), damaged }
  }

  /**
   * Part nodes that no value refers to: a leader ended between writing them and making them count. Those of `epoch` are not
   * looked at: they may be about to count.
   */
  async orphans(session: ZooKeeperSession, epoch: number): Promise<string[]> {
    const names = (await session.children(this.#layout.parts)) ?? []
    const orphans: string[] = []
    const used = new Map<string, string | null>()
    for (const name of names) {
      const [, id, owner, of] = /^((.*)\.(\d+)-\d+)\.\d+$/.exec(name) ?? []
      if (id === undefined || owner === undefined || Number(of) === epoch) continue
      if (!used.has(owner)) used.set(owner, await this.#manifestOf(session, owner))
      const inUse = used.get(owner)
      if (inUse !== id && inUse !== null) orphans.push(`${this.#layout.parts}/${name}`)
    }
    return orphans
  }

  /** What the value's parts are called; empty: it has none; null: the value is damaged, and its parts are kept with it. */
  async #manifestOf(session: ZooKeeperSession, name: string): Promise<string | null> {
    const node = await session.get(`${this.#layout.records}/${name}`)
    if (node === null) return ''
    try {
      const opened = openValue(node.data)
      return opened.manifest?.id ?? ''
    } catch {
      return null
    }
  }

  async #open(session: ZooKeeperSession, key: string, data: Uint8Array): Promise<Uint8Array> {
    let opened = openValue(data)
    if (opened.manifest !== null) {
      this.#known.set(key, opened.manifest)
      const paths = this.#partsOf(opened.manifest)
      const parts = await Promise.all(paths.map((path) => session.get(path)))
      const missing = parts.indexOf(null)
      if (missing >= 0) throw new Error(`its part ${paths[missing]} is missing`)
      opened = openValue(Buffer.concat(parts.map((part) => part?.data ?? new Uint8Array())))
      if (opened.manifest !== null) throw new Error('its parts are in parts')
    }
    if (opened.codec === 0) return opened.payload
    return unpack(opened.payload, await this.#codecOf(opened.codec))
  }

  /** Values name their codec: the setting may have been another when they were written. */
  async #codecOf(id: number): Promise<ValueCodec> {
    const name = codecNamed(id)
    if (name === null) throw new Error(`nothing is known of codec ${id}`)
    const codec = this.#codecs.get(id) ?? (await loadCodec(name))
    this.#codecs.set(id, codec)
    return codec
  }

  #partsOf({ id, parts }: Manifest): string[] {
    return Array.from({ length: parts }, (_, part) => this.#part(id, part))
  }

  #part(id: string, part: number): string {
    return `${this.#layout.parts}/${id}.${part}`
  }
}

async function atOnce<T>(
  items: readonly T[],
  limit: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next] as T
      next += 1
      await action(item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
}
