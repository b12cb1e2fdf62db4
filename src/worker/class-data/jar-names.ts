/** What stands at the top of a jar, by its central directory (PKWARE's APPNOTE 4.3.12 and 4.3.16). */
import { open, type FileHandle } from 'node:fs/promises'

const END_SIGNATURE = 0x06054b50
const END_BYTES = 22
const MAX_COMMENT_BYTES = 0xffff
const ENTRY_SIGNATURE = 0x02014b50
const ENTRY_BYTES = 46
/** Of one jar; Spark's biggest has three. */
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20

/** @returns the first part of each name in it @throws Error when it is no jar, or one in the form for more than 4 GiB */
export async function topNames(path: string): Promise<Set<string>> {
  const file = await open(path, 'r')
  try {
    return namesIn(await centralDirectory(file))
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error })
  } finally {
    await file.close()
  }
}

async function centralDirectory(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat()
  const tail = await read(file, Math.max(0, size - END_BYTES - MAX_COMMENT_BYTES), size)
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== END_SIGNATURE) continue
    const bytes = tail.readUInt32LE(at + 12)
    const from = tail.readUInt32LE(at + 16)
    if (bytes > MAX_DIRECTORY_BYTES || from + bytes > size) break
    return await read(file, from, from + bytes)
  }
  throw new Error('its list of entries is not found')
}

async function read(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(to - from), 0, to - from, from)
  if (bytesRead !== to - from) throw new Error('it ends early')
  return buffer
}

function namesIn(directory: Buffer): Set<string> {
  const names = new Set<string>()
  for (let at = 0; at < directory.length;) {
    if (at + ENTRY_BYTES > directory.length || directory.readUInt32LE(at) !== ENTRY_SIGNATURE)
      throw new Error('its list of entries is damaged')
    const nameBytes = directory.readUInt16LE(at + 28)
    const name = directory.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes)
    names.add(name.split('/', 1)[0] ?? '')
    at +=
      ENTRY_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return names
}
