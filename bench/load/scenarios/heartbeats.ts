/**
 * Heartbeats of all workers in turn, as fast as the master takes them: one a connection in each round, so that it reads them
 * one by one as it would from workers of a cluster.
 */
import { Playground } from '../peers/playground.js'
import type { MasterUnderTest, Observed, Scenario, ScenarioSize } from '../scenario.js'
import { Tally } from '../peers/waits.js'
import type { PlayedWorker } from '../peers/worker.js'
import { WORKER_SIZE } from './registrations.js'

const RUN_TIMEOUT_S = 300
/** Heartbeats between two looks at how far the master is. */
const SLICE = 250
/** Slices that the master may be behind. */
const SLICES_BEHIND = 4

export class Heartbeats implements Scenario {
  #playground: Playground | null = null
  #operations = 0

  async prepare(master: MasterUnderTest, size: ScenarioSize): Promise<void> {
    this.#playground = await Playground.open(master)
    this.#operations = size.operations
    await this.#playground.startWorkers(size.workers, WORKER_SIZE)
    await this.#send(Math.min(size.operations, 2 * size.workers))
  }

  /** @returns heartbeats as operations; an ask in each slice and one of each worker at the end come on top */
  async run(): Promise<Observed> {
    const startMs = performance.now()
    const asks = await this.#send(this.#operations)
    return {
      operations: this.#operations,
      seconds: (performance.now() - startMs) / 1000,
      moments: { 'asks besides': asks },
    }
  }

  async close(): Promise<void> {
    const playground = this.#playground
    if (playground === null) return
    const count = playground.workers.length
    await playground.untilState(`${count} alive`, ({ aliveworkers }) => aliveworkers === count)
    await playground.close()
  }

  /** @returns how many asks it took to know that all had arrived */
  async #send(operations: number): Promise<number> {
    const { workers, waits } = this.#playground!
    const beats = workers.map((worker) => worker.heartbeat())
    const behind: Promise<void>[] = []
    let asks = 0
    for (let sent = 0; sent < operations;) {
      let worker: PlayedWorker | undefined
      const end = Math.min(sent + SLICE, operations)
      for (; sent < end; sent++) {
        const index = sent % workers.length
        worker = workers[index]!
        worker.link!.write(beats[index]!)
      }
      asks++
      behind.push(this.#playground!.processed(worker!))
      if (behind.length > SLICES_BEHIND)
        await waits.within(RUN_TIMEOUT_S, 'the master to take heartbeats', behind.shift()!)
      // What has come in must be read while we send.
      else await new Promise<void>((done) => setImmediate(done))
    }
    await Promise.all(behind)
    const tally = new Tally(workers.length)
    for (const worker of workers) void this.#playground!.processed(worker).then(() => tally.add())
    await waits.within(RUN_TIMEOUT_S, tally.of('answers after the last heartbeat'), tally.reached)
    return asks + workers.length
  }
}
