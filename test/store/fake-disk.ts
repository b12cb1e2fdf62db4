/**
 * A disk in memory for the journal: what was not synced a crash leaves in part, by sectors, and names that were not
 * synced come or go in any combination. A sync that fails loses what it was to write, though it can still be read.
 */
import type { Files, OpenFile } from '../../src/store/files.js'

const SECTOR_BYTES = 64

export type Random = () => number

/** A small generator of numbers from 0 to 1, the same for the same seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Inode {
  bytes: Buffer
  durable: Buffer
  pending: { at: number; bytes: Buffer }[]
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: of the fake disk`), { code })
}

function patched(bytes: Buffer, at: number, patch: Uint8Array): Buffer {
  const size = Math.max(bytes.byteLength, at + patch.byteLength)
  const grown = Buffer.alloc(size)
  bytes.copy(grown)
  grown.set(patch, at)
  return grown
}

export class FakeDisk implements Files {
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  #dead = false
  /** Calls so far. */
  calls = 0
  /** The call before which the machine dies. */
  crashAt = Infinity
  /** Called before each call with its name; throws what it is to fail with. */
  trouble: (call: string) => void = () => {}
  /** Waits before each call, so that several users interleave. */
  pause: () => Promise<void> = () => Promise.resolve()

  get crashed(): boolean {
    return this.#dead
  }

  /** What a machine that died now has on its disk when it starts again. */
  afterCrash(random: Random): FakeDisk {
    const disk = new FakeDisk()
    const inodes = new Map<Inode, Inode>()
    const survivor = (inode: Inode): Inode => {
      const known = inodes.get(inode)
      if (known !== undefined) return known
      let bytes = inode.durable
      for (const write of inode.pending) {
        const all = random() < 0.3
        const none = !all && random() < 0.3
        for (let from = 0; from < write.bytes.byteLength; from += SECTOR_BYTES) {
          if (none || (!all && random() < 0.5)) continue
          const sector = write.bytes.subarray(from, from + SECTOR_BYTES)
          bytes = patched(bytes, write.at + from, sector)
        }
      }
      const found = { bytes, durable: bytes, pending: [] }
      inodes.set(inode, found)
      return found
    }
    for (const name of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
      const [now, synced] = [this.#names.get(name), this.#durableNames.get(name)]
      const inode = now === synced || random() < 0.5 ? synced : now
      if (inode === undefined) continue
      disk.#names.set(name, survivor(inode))
      disk.#durableNames.set(name, survivor(inode))
    }
    return disk
  }

  get names(): string[] {
    return [...this.#names.keys()].sort()
  }

  totalBytes(): number {
    return [...this.#names.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
  }

  async makeFolder(): Promise<void> {
    await this.#before('makeFolder')
  }

  async list(folder: string): Promise<string[]> {
    await this.#before('list')
    return this.names.map((name) => name.slice(folder.length + 1))
  }

  async create(path: string): Promise<OpenFile> {
    await this.#before('create')
    if (this.#names.has(path)) throw failure('EEXIST')
    const inode: Inode = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] }
    this.#names.set(path, inode)
    return this.#file(inode)
  }

  async open(path: string): Promise<OpenFile> {
    await this.#before('open')
    const inode = this.#names.get(path)
    if (inode === undefined) throw failure('ENOENT')
    return this.#file(inode)
  }

  async remove(path: string): Promise<void> {
    await this.#before('remove')
    if (!this.#names.delete(path)) throw failure('ENOENT')
  }

  async syncFolder(): Promise<void> {
    await this.#before('syncFolder')
    this.#durableNames = new Map(this.#names)
  }

  async #before(call: string): Promise<void> {
    await this.pause()
    this.calls += 1
    if (this.calls >= this.crashAt) this.#dead = true
    if (this.#dead) throw failure('CRASHED')
    this.trouble(call)
  }

  #file(inode: Inode): OpenFile {
    return {
      size: async () => {
        await this.#before('size')
        return inode.bytes.byteLength
      },
      read: async (into, position) => {
        await this.#before('read')
        const found = inode.bytes.subarray(position, position + into.byteLength)
        if (found.byteLength < into.byteLength) throw new Error('the file ends before')
        into.set(found)
      },
      write: async (bytes, position) => {
        const whole = Buffer.from(bytes)
        const write = (part: Buffer) => {
          inode.bytes = patched(inode.bytes, position, part)
          inode.pending.push({ at: position, bytes: part })
        }
        try {
          await this.#before('write')
        } catch (error) {
          // A full disk takes what fits; what a crash stops may have started.
          write(whole.subarray(0, whole.byteLength >> 1))
          throw error
        }
        write(whole)
      },
      datasync: async () => {
        try {
          await this.#before('datasync')
        } catch (error) {
          if (!this.#dead) inode.pending = []
          throw error
        }
        inode.durable = inode.bytes
        inode.pending = []
      },
      close: async () => Promise.resolve(),
    }
  }
}

/** For tests in which nobody is kept out. */
export const noLock = { acquire: () => Promise.resolve(), release: () => Promise.resolve() }
