/** A jar of empty files, as bytes. */

const DIRECTORY_ENTRY = 0x02014b50
const END = 0x06054b50

/** Only the list of entries, which is all that those who look for names read. */
export function jarOf(...names: string[]): Buffer {
  const entries = names.map((name) => {
    const bytes = Buffer.from(name)
    const head = Buffer.alloc(46)
    head.writeUInt32LE(DIRECTORY_ENTRY, 0)
    head.writeUInt16LE(bytes.length, 28)
    return Buffer.concat([head, bytes])
  })
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(END, 0)
  end.writeUInt16LE(names.length, 8)
  end.writeUInt16LE(names.length, 10)
  end.writeUInt32LE(directory.length, 12)
  return Buffer.concat([directory, end])
}
