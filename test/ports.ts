/** Ports for servers that are told theirs before they listen, or that come back to the one they had. */
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that the kernel gives to whoever asks for any: nobody gets one of these between the look and the use. */
const LOWEST = 20_000
/** Each of the test files that run at once takes from its own. */
const PORTS_OF_A_WORKER = 3_000
const WORKERS = 4

const worker = Number(process.env['VITEST_POOL_ID'] ?? 1) % WORKERS
// Another run of the tests on this machine mostly begins elsewhere.
let next = Math.floor(Math.random() * PORTS_OF_A_WORKER)

async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen(port, '127.0.0.1')
    await once(probe, 'listening')
  } catch {
    return false
  }
  probe.close()
  await once(probe, 'close')
  return true
}

/** @returns another one each time */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + worker * PORTS_OF_A_WORKER + (next++ % PORTS_OF_A_WORKER)
    if (await isFree(port)) return port
  }
}
