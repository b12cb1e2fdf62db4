/**
 * Fuzzes the reader of Java streams and what stands on it:
 *   npx tsx test/fuzz/java-reader.ts [SECONDS] [SEED]
 * Mutants only ever give JavaStreamError or UnsupportedPeerError, in bounded time and memory. A finding
 * is printed with its bytes, and ends with status 1.
 */
import { exercise, goldenStreams, mutate, seededRandom } from './java-mutation.js'

const DEFAULT_SECONDS = 10
/** No mutant is larger than 64 kB: more than this is a bug, not a slow machine. */
const MAX_MUTANT_MS = 2000
const MAX_HEAP_BYTES = 1024 * 1024 * 1024
const CHECK_EVERY = 4096

const seconds = Number(process.argv[2] ?? DEFAULT_SECONDS)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 32)
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error('usage: npx tsx test/fuzz/java-reader.ts [SECONDS] [SEED]')
  process.exit(1)
}

const random = seededRandom(seed)
const streams = goldenStreams()
const end = performance.now() + seconds * 1000
let mutants = 0
let wellFormed = 0
let slowestMs = 0
let mutant: Buffer = Buffer.alloc(0)
try {
  for (let now = performance.now(); now < end;) {
    mutant = mutate(random, streams)
    if (exercise(mutant)) wellFormed++
    mutants++
    const after = performance.now()
    slowestMs = Math.max(slowestMs, after - now)
    now = after
    if (slowestMs > MAX_MUTANT_MS) throw new Error(`took ${slowestMs.toFixed(0)} ms`)
    if (mutants % CHECK_EVERY === 0 && process.memoryUsage().heapUsed > MAX_HEAP_BYTES) {
      throw new Error('the heap grows')
    }
  }
} catch (error) {
  console.error(`seed ${seed}, mutant ${mutants}: ${(error as Error).stack}`)
  console.error(mutant.toString('hex'))
  process.exit(1)
}
console.log(
  `java-reader: ${mutants} mutants, ${wellFormed} well-formed, slowest ${slowestMs.toFixed(1)} ms, ` +
    `seed ${seed}: nothing found`,
)
