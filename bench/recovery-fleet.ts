/**
 * Peers of a restart in a native process (native/test/fleet.cc): eleven thousand of them in Node take as much processor
 * time as the master that is measured, on the same cores.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { root } from '../test/e2e/cluster.js'
import { type Address, type Peer, shuffled } from './recovery-peers.js'

const program = join(root, 'build/native-bench/fleet')

/** Times are ms since the epoch. */
export interface Played {
  /** Every peer had a link. */
  readonly linkedMs: number
  /** The master had taken in all of them. */
  readonly registeredMs: number
  readonly cpuSeconds: number
}

function sized(bytes: Uint8Array): Uint8Array[] {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(bytes.byteLength)
  return [size, bytes]
}

type FleetChild = ChildProcessByStdio<Writable, Readable, null>

export class FleetProcess {
  readonly #child: FleetChild

  private constructor(child: FleetChild) {
    this.#child = child
  }

  /** @param peers in an order of chance @param file for what they say @throws Error when it can't be compiled */
  static async start(peers: readonly Peer[], file: string): Promise<FleetProcess> {
    const built = spawnSync('make', ['-s', '-C', join(root, 'native'), 'fleet'], {
      stdio: 'inherit',
    })
    if (built.status !== 0) throw new Error('native/test/fleet.cc could not be compiled')
    const said = shuffled(peers).flatMap((peer) =>
      sized(peer.introduction()).concat(sized(peer.answer())),
    )
    writeFileSync(file, Buffer.concat(said))
    const child = spawn(program, [file], { stdio: ['pipe', 'pipe', 'inherit'] })
    await once(child, 'spawn')
    return new FleetProcess(child)
  }

  /** All of them dial that master. Returns when it has taken them in. @throws Error when it does not */
  async play({ host, port }: Address): Promise<Played> {
    this.#child.stdin.write(`${host} ${port}\n`)
    for await (const line of createInterface({ input: this.#child.stdout }))
      return JSON.parse(line) as Played
    throw new Error('the peers have ended; what they said is above')
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
