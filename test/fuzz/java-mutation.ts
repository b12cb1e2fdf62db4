/** Mutants of golden streams, and what has to hold for every one of them. */
import { JavaStreamError, PeerDialect, UnsupportedPeerError } from '../../src/spark/messages.js'
import { decodeMessage } from '../../src/spark/messages.js'
import type { OutgoingMessage } from '../../src/spark/messages.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import { RELEASES, samples } from '../spark/golden-vectors.js'

/** Bytes that mean something in a stream: tags, type codes, ends of ranges. */
const TELLING_BYTES = [
  ...Buffer.from('pqrstuvwxyz{|}~BCDFIJSZL[', 'latin1'),
  0,
  1,
  2,
  4,
  0x7f,
  0xff,
]
const TELLING_NUMBERS = [
  0, 1, 2, 0x7d, 0x7e0000, 0x7e0001, 0x7e0005, 0x7fffffff, 0xffffffff, 0x10000,
]
const MAX_MUTATIONS = 6
const MAX_PIECE_BYTES = 200
/** Pieces are put in repeatedly: mutants would grow for ever. */
const MAX_MUTANT_BYTES = 64 * 1024

const MASTER = { host: 'master', port: 7077 }
const ANSWERS: readonly OutgoingMessage[] = [
  { kind: 'BooleanReply', value: true },
  { kind: 'RegisteredApplication', appId: 'app-1', master: MASTER },
  { kind: 'MasterChanged', master: MASTER, masterWebUiUrl: 'http://master:8080' },
  {
    kind: 'ExecutorUpdated',
    id: 1,
    state: 'LOST',
    message: 'gone',
    exitStatus: 1,
    workerHost: null,
  },
  {
    kind: 'DriverStatusResponse',
    found: false,
    state: null,
    workerId: null,
    workerHostPort: null,
    exceptionMessage: 'no such driver',
  },
]

export type Random = (below: number) => number

/** The same numbers for the same seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

export function goldenStreams(): Buffer[] {
  return RELEASES.flatMap((release) => samples(release).map(({ bytes }) => Buffer.from(bytes)))
}

export function mutate(random: Random, streams: readonly Buffer[]): Buffer {
  const pick = (): Buffer => streams[random(streams.length)]!
  let bytes: Buffer = Buffer.from(pick())
  for (let left = 1 + random(MAX_MUTATIONS); left > 0; left--) {
    bytes = mutateOnce(random, bytes, pick())
  }
  return bytes.subarray(0, MAX_MUTANT_BYTES)
}

function mutateOnce(random: Random, bytes: Buffer, other: Buffer): Buffer {
  if (bytes.length < 8) return bytes
  const at = random(bytes.length)
  const length = 1 + random(MAX_PIECE_BYTES)
  switch (random(8)) {
    case 0:
      bytes[at]! ^= 1 << random(8)
      return bytes
    case 1:
      bytes[at] = TELLING_BYTES[random(TELLING_BYTES.length)]!
      return bytes
    case 2:
      bytes.writeUInt32BE(
        TELLING_NUMBERS[random(TELLING_NUMBERS.length)]!,
        random(bytes.length - 4),
      )
      return bytes
    case 3:
      bytes.writeUInt16BE(random(0x10000), random(bytes.length - 2))
      return bytes
    case 4:
      return bytes.subarray(0, at)
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 6: {
      const from = random(bytes.length)
      return Buffer.concat([
        bytes.subarray(0, at),
        bytes.subarray(from, from + length),
        bytes.subarray(at),
      ])
    }
    default: {
      const from = random(other.length)
      return Buffer.concat([
        bytes.subarray(0, at),
        other.subarray(from, from + length),
        bytes.subarray(at),
      ])
    }
  }
}

/**
 * Reads a mutant as the gateway would.
 * @returns was it well-formed
 * @throws whatever must not come out
 */
export function exercise(bytes: Uint8Array): boolean {
  const stream = refusing(() => readJavaStream(bytes), JavaStreamError)
  if (stream === null) return false
  const written = writeJavaStream(stream.root)
  const again = writeJavaStream(readJavaStream(written).root)
  if (!Buffer.from(written).equals(again)) throw new Error('written differently the second time')
  const message = refusing(() => decodeMessage(bytes), UnsupportedPeerError)
  if (message === null) return true
  const dialect = new PeerDialect()
  refusing(() => dialect.learn(message), UnsupportedPeerError)
  for (const answer of ANSWERS) {
    const encoded = refusing(() => dialect.encode(answer), UnsupportedPeerError)
    if (encoded !== null) readJavaStream(encoded)
  }
  return true
}

function refusing<T>(
  action: () => T,
  refusal: typeof JavaStreamError | typeof UnsupportedPeerError,
): T | null {
  try {
    return action()
  } catch (error) {
    if (error instanceof refusal) return null
    throw error
  }
}
