/** spark.deploy.recoveryCompressionCodec (P4): how records are packed; each entry names its own, so that it may change. */
import { compressLz4, decompressLz4 } from './lz4.js'
import { compressLzf, decompressLzf } from './lzf.js'
import { compressSnappy, decompressSnappy } from './snappy.js'
import { loadZstd } from './zstd.js'

export const CODEC_NAMES = ['lz4', 'lzf', 'snappy', 'zstd'] as const

export type CodecName = (typeof CODEC_NAMES)[number]

export interface Codec {
  /** As it stands in entries; 0 is: not compressed. */
  readonly id: number
  readonly name: CodecName
  compress(input: Uint8Array): Uint8Array
  /** @param size of the output @throws CodecError when the input is not what `compress` makes of so many bytes */
  decompress(input: Uint8Array, size: number): Uint8Array
}

/** On disk; never renumbered. */
const IDS: Readonly<Record<CodecName, number>> = { lz4: 1, lzf: 2, snappy: 3, zstd: 4 }

/** @throws StoreError when it needs a package that is not installed */
export async function loadCodec(name: CodecName): Promise<Codec> {
  const id = IDS[name]
  if (name === 'lz4') return { id, name, compress: compressLz4, decompress: decompressLz4 }
  if (name === 'lzf') return { id, name, compress: compressLzf, decompress: decompressLzf }
  if (name === 'snappy') {
    return { id, name, compress: compressSnappy, decompress: decompressSnappy }
  }
  return { id, name, ...(await loadZstd()) }
}

/** @returns null for an id that no release has given */
export function codecNamed(id: number): CodecName | null {
  return CODEC_NAMES.find((name) => IDS[name] === id) ?? null
}
