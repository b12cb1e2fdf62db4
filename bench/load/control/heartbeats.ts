/** Heartbeats of registered workers, `concurrency` of them in one write, as fast as the master reads them. */
import { setImmediate as breath } from 'node:timers/promises'
import type { Fleet } from '../../recovery-peers.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { controlOf, livingFleet } from './cluster.js'

/** Links that are written to before the loop hears its sockets: the kernel then takes what could not be written at once. */
const linksAtOnce = 100
/** What may wait in one link: beyond it the master is slower than the generator, which then waits for it. */
const pendingBytesMax = 65_536

export class ControlHeartbeats implements Scenario {
  #fleet: Fleet | null = null
  #operations = 0
  #burst = 1

  async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    this.#operations = size.operations
    this.#burst = size.concurrency
    this.#fleet = await livingFleet(await controlOf(master), size.workers)
  }

  async run(): Promise<Observed> {
    const workers = this.#fleet?.workers ?? []
    const startedMs = performance.now()
    let sent = 0
    while (sent < this.#operations) {
      for (const [index, worker] of workers.entries()) {
        if (sent >= this.#operations) break
        sent += this.#burst
        const pending = worker.beat(this.#burst)
        if (pending > pendingBytesMax) await worker.flushed()
        if (index % linksAtOnce === linksAtOnce - 1) await breath()
      }
    }
    // What comes before a ping that is answered has entered the core.
    await Promise.all(workers.map((worker) => worker.flushed()))
    return { operations: sent, seconds: (performance.now() - startedMs) / 1000 }
  }

  close(): Promise<void> {
    this.#fleet?.leave()
    return Promise.resolve()
  }
}
