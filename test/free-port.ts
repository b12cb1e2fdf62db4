/**
 * Ports of 127.0.0.1 for what is started later, and started again on the same ones: of a range from which the kernel gives
 * none to those who ask for any. Test files that run at once have shares of their own.
 */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const host = '127.0.0.1'
const FIRST = 10_000
/** More than vitest.config.ts has workers. */
const SHARES = 8

/** The first port that the kernel gives to whoever asks for any. */
function firstOfAny(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10)
  } catch {
    // Not on Linux.
    return 32_768
  }
}

// Where the kernel was told to give nearly all there is still a chance that nobody else has it.
const share = Math.floor((Math.max(firstOfAny(), FIRST + 8_000) - FIRST) / SHARES)
const lowest = FIRST + (Number(process.env['VITEST_POOL_ID'] ?? 0) % SHARES) * share
/** Anywhere, since other runs may be under way on this machine. */
let next = randomInt(share)

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer()
    probe.once('error', () => done(false))
    probe.listen(port, host, () => probe.close(() => done(true)))
  })
}

/** @returns one that nobody has now, another one each time */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < share; tries += 1) {
    const port = lowest + next
    next = (next + 1) % share
    if (await isFree(port)) return port
  }
  throw new Error(`no port from ${lowest} to ${lowest + share} is free`)
}
