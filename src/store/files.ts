/** What the journal asks of a file system; tests put one in its place that fails, tears and forgets. */
import { mkdir, open, readdir, unlink, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** One call of the system reads or writes no more than this: Linux stops at 2 GiB. */
const MAX_CALL_BYTES = 256 * 1024 * 1024

export interface OpenFile {
  size(): Promise<number>
  /** Fills `into`. @throws when the file ends before */
  read(into: Uint8Array, position: number): Promise<void>
  /** All of it, however many calls that takes. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Returns when what was written is on the disk. After it has thrown, nobody knows what is. */
  datasync(): Promise<void>
  close(): Promise<void>
}

export interface Files {
  /** With all folders above, each synced into the one that holds it. */
  makeFolder(folder: string): Promise<void>
  list(folder: string): Promise<string[]>
  /** @throws with code EEXIST when there is one; of several that try at once one wins */
  create(path: string): Promise<OpenFile>
  open(path: string): Promise<OpenFile>
  remove(path: string): Promise<void>
  /** Names that were created or removed are so on the disk. */
  syncFolder(folder: string): Promise<void>
}

class SystemFile implements OpenFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size
  }

  async read(into: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < into.byteLength;) {
      const length = Math.min(into.byteLength - done, MAX_CALL_BYTES)
      const { bytesRead } = await this.#handle.read(into, done, length, position + done)
      if (bytesRead === 0) throw new Error(`the file ends before ${position + into.byteLength}`)
      done += bytesRead
    }
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.byteLength;) {
      const length = Math.min(bytes.byteLength - done, MAX_CALL_BYTES)
      done += (await this.#handle.write(bytes, done, length, position + done)).bytesWritten
    }
  }

  datasync(): Promise<void> {
    return this.#handle.datasync()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

export const systemFiles: Files = {
  async makeFolder(folder) {
    const first = await mkdir(folder, { recursive: true })
    if (first === undefined) return
    for (let made = folder; ; made = dirname(made)) {
      await this.syncFolder(dirname(made))
      if (made === first || made === dirname(made)) return
    }
  },
  list: (folder) => readdir(folder),
  create: async (path) => new SystemFile(await open(path, 'wx+')),
  open: async (path) => new SystemFile(await open(path, 'r')),
  remove: (path) => unlink(path),
  async syncFolder(folder) {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

/** A whole file that is there when this returns, whatever happens. */
export async function writeDurably(
  files: Files,
  folder: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const file = await files.create(join(folder, name))
  try {
    await file.write(bytes, 0)
    await file.datasync()
  } finally {
    await file.close()
  }
  await files.syncFolder(folder)
}
