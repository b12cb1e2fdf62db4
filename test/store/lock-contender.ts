/** A process that wants a lock: says whether it got it, holds it until its input ends. */
import { LockFile } from '../../src/store/lock-file.js'

const [, , path = '', beatMs = '', deadAfterMs = ''] = process.argv
const lock = new LockFile(path, { beatMs: Number(beatMs), deadAfterMs: Number(deadAfterMs) })
process.stdin.on('end', () => void lock.release().then(() => process.exit(0)))
process.stdin.resume()
try {
  await lock.acquire()
  console.log('held')
} catch (error) {
  console.log(`refused: ${(error as Error).message}`)
}
