/** Zstandard, which is too large to be written anew: Node's own where it has one (22.15, 23.8), else a package. */
import * as zlib from 'node:zlib'
import { StoreError } from '../engine.js'
import { CodecError } from './matcher.js'

const PACKAGE = '@bokuweb/zstd-wasm'
/** The version that the tests run with. */
const VERSION = '0.0.27'
/** As Spark's spark.io.compression.zstd.level. */
const LEVEL = 1

interface Zstd {
  compress(input: Uint8Array): Uint8Array
  decompress(input: Uint8Array, size: number): Uint8Array
}

interface NodeZstd {
  zstdCompressSync(input: Uint8Array, options: object): Buffer
  zstdDecompressSync(input: Uint8Array, options: object): Buffer
  constants: { ZSTD_c_compressionLevel: number }
}

interface ZstdPackage {
  init(): Promise<void>
  compress(input: Uint8Array, level: number): Uint8Array
  decompress(input: Uint8Array): Uint8Array
}

function fromNode(zstd: NodeZstd): Zstd {
  const params = { [zstd.constants.ZSTD_c_compressionLevel]: LEVEL }
  return {
    compress: (input) => zstd.zstdCompressSync(input, { params }),
    decompress: (input, size) =>
      zstd.zstdDecompressSync(input, { maxOutputLength: Math.max(size, 1) }),
  }
}

/**
 * @param own Node's, null: it has none @param load the package; both for tests
 * @throws StoreError when neither is there
 */
export async function loadZstd(
  own: NodeZstd | null = 'zstdCompressSync' in zlib ? (zlib as unknown as NodeZstd) : null,
  load: () => Promise<unknown> = () => import(PACKAGE),
): Promise<Zstd> {
  const zstd = own === null ? await fromPackage(load) : fromNode(own)
  return {
    compress: (input) => zstd.compress(input),
    decompress(input, size) {
      let output: Uint8Array
      try {
        output = zstd.decompress(input, size)
      } catch (error) {
        throw new CodecError(`zstd: ${String(error)}`, { cause: error })
      }
      if (output.byteLength !== size)
        throw new CodecError(`it holds ${output.byteLength} bytes, not ${size}`)
      return output
    },
  }
}

/** Once in a process: the package sets itself up anew each time, under the calls of whoever has it already. */
let initialized: Promise<void> | null = null

async function fromPackage(load: () => Promise<unknown>): Promise<Zstd> {
  let loaded: ZstdPackage
  try {
    loaded = (await load()) as ZstdPackage
  } catch (error) {
    throw new StoreError(
      `records compressed with zstd need Node 22.15 or newer, or a package: npm install ${PACKAGE}@${VERSION}`,
      { cause: error },
    )
  }
  await (initialized ??= loaded.init())
  return {
    compress: (input) => loaded.compress(input, LEVEL),
    decompress: (input) => loaded.decompress(input),
  }
}
