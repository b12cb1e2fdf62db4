/** The launcher of drivers: one long task each on the launcher's threads. */
import type { Logger } from '../../log/logger.js'
import type { LaunchDriverT } from '../../schema/magneto.js'
import type { DriverRequest, DriverResult, DriverSettings } from './request.js'
import { Child, type LauncherThreads } from './threads.js'
import type { WorkFolders } from './work-folders.js'

export interface DriverLauncherOptions {
  settings: DriverSettings
  log: Logger
  /** Not closed by the launcher. */
  threads: LauncherThreads
  folders: WorkFolders
  onEnded(driverId: string, result: DriverResult): void
}

export class DriverLauncher {
  readonly #options: DriverLauncherOptions
  readonly #running = new Map<string, Child>()
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: DriverLauncherOptions) {
    this.#options = options
    options.folders.addUser((name) => this.#running.has(name))
  }

  /** Starts a driver; `onEnded` tells how it went, once. Returns at once. */
  launch(order: LaunchDriverT): void {
    const driverId = String(order.driverId)
    const child = new Child()
    this.#running.set(driverId, child)
    const work = this.#runAndTell(order, driverId, child)
      .catch((error: Error) => this.#options.log.error(`driver ${driverId}: ${error.message}`))
      .finally(() => this.#underWay.delete(work))
    this.#underWay.add(work)
  }

  /** TERM, then KILL; the fetching of its jar and the wait for its next attempt end at once. */
  kill(driverId: string): void {
    this.#running.get(driverId)?.kill()
  }

  /** Ends all drivers and waits for their ends. */
  async close(): Promise<void> {
    for (const child of this.#running.values()) child.kill()
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  async #runAndTell(order: LaunchDriverT, driverId: string, child: Child): Promise<void> {
    const result = await this.#run(order, driverId, child)
    this.#running.delete(driverId)
    this.#options.onEnded(driverId, result)
  }

  async #run(order: LaunchDriverT, driverId: string, child: Child): Promise<DriverResult> {
    const { threads, folders, settings, log } = this.#options
    await folders.settled(driverId)
    if (child.killed) return { kind: 'failed', message: 'Killed before it started' }
    const request: DriverRequest = {
      settings,
      driverId,
      description: Uint8Array.from(order.description),
      resources: order.resources.map((r) => ({ name: String(r.name), addresses: r.addresses })),
    }
    const outcome = await child.runDriver(threads, request, (note) => {
      if (note.kind === 'started') {
        log.info({ execMs: note.execMs }, `driver ${driverId} runs as process ${note.pid}`)
      } else if (note.kind === 'retrying') {
        const seconds = note.waitMs / 1000
        log.info(`driver ${driverId} ended with ${note.exitStatus}; again in ${seconds} s`)
      }
    })
    if (outcome.kind === 'done') return outcome.result
    const { message, pid } = outcome
    if (pid === null) return { kind: 'failed', message }
    log.error(`driver ${driverId} was ended: ${message}`)
    return { kind: 'exited', exitStatus: 137 }
  }
}
