/** How effects are written down, whichever Master caused them: what differs here is a difference. */
import type { NamedAddresses } from './action.js'
import { wordOf } from './row.js'
import type { Row } from './row.js'

/** What follows says why the connection ended. */
const LOST_BY = /(?<=^worker lost): .*$/s
const MASTER_IDS = /\b(?:app|driver)-\d{14}-\d{4,}\b/g

/** Ids that a Master made up, by the names of the table. */
export class Names {
  readonly #idOf = new Map<string, string>()
  readonly #nameOf = new Map<string, string>()
  #strangers = 0

  give(name: string, id: string): void {
    if (this.#nameOf.has(id)) return
    this.#idOf.set(name, id)
    this.#nameOf.set(id, name)
  }

  /** A name that has no id yet stands for itself. */
  id(name: string): string {
    return this.#idOf.get(name) ?? name
  }

  /** An id that nobody asked for, such as a relaunched driver's, gets a name by the order of appearance. */
  nameOf(id: string): string {
    const known = this.#nameOf.get(id)
    if (known !== undefined || id.search(MASTER_IDS) < 0) return known ?? id
    this.#strangers += 1
    const name = `new${this.#strangers}`
    this.give(name, id)
    return name
  }

  inText(text: string): string {
    const known = [...this.#nameOf].reduce((said, [id, name]) => said.replaceAll(id, name), text)
    return known.replaceAll(MASTER_IDS, (id) => this.nameOf(id))
  }
}

/** What a row makes known about the answer to it. */
export interface Expected {
  /** The names of what the row asks for: the Master answers with the id that it made up. */
  readonly app: string | null
  readonly driver: string | null
  readonly reply: 'boolean' | 'count' | 'text'
}

export function expectedOf(row: Row): Expected {
  const { verb } = row
  const isAboutDrivers = verb === 'submit' || verb === 'killdriver' || verb === 'killdrivers'
  return {
    app: verb === 'app' ? wordOf(row, 0) : null,
    driver: verb === 'submit' ? wordOf(row, 0) : null,
    reply: verb === 'decommission' ? 'count' : isAboutDrivers ? 'text' : 'boolean',
  }
}

export interface Launch {
  readonly appId: string
  readonly executorId: number
  readonly profileId: number
  readonly cores: number
  readonly memoryMb: number
  readonly resources: readonly NamedAddresses[]
}

/** Resources are a map: their order has no meaning, that of their addresses has. */
function resourcesText(resources: readonly NamedAddresses[]): string {
  return resources
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, addresses }) => addresses.map((address) => ` ${name}:${address}`))
    .join('')
}

export function launchText(names: Names, launch: Launch): string {
  const profile = launch.profileId === 0 ? '' : ` p${launch.profileId}`
  return (
    `LaunchExecutor ${names.nameOf(launch.appId)}/${launch.executorId} c${launch.cores} ` +
    `m${launch.memoryMb}${profile}${resourcesText(launch.resources)}`
  )
}

export function launchDriverText(
  names: Names,
  driverId: string,
  resources: readonly NamedAddresses[],
): string {
  return `LaunchDriver ${names.nameOf(driverId)}${resourcesText(resources)}`
}

export function addedText(
  executorId: number,
  workerId: string,
  hostPort: string,
  cores: number,
  memoryMb: number,
): string {
  return `ExecutorAdded ${executorId} ${workerId} ${hostPort} c${cores} m${memoryMb}`
}

/**
 * Why a connection ended is each Master's own text, which drivers only log.
 */
export function removedText(workerId: string, host: string): string {
  return `WorkerRemoved ${workerId} ${host}`
}

export function updatedText(
  executorId: number,
  state: string,
  exitStatus: number | null,
  workerHost: string | null,
  message: string | null,
): string {
  const exit = exitStatus === null ? '' : ` exit${exitStatus}`
  const host = workerHost === null ? '' : ` ${workerHost}`
  const text = message === null ? '' : ` '${message.replace(LOST_BY, '')}'`
  return `ExecutorUpdated ${executorId} ${state}${exit}${host}${text}`
}

/** null: not found, or not said. */
export function statusText(status: {
  readonly state: string | null
  readonly workerId: string | null
  readonly hostPort: string | null
  readonly exception: string | null
}): string {
  const parts = [status.workerId, status.hostPort, status.exception].filter((part) => part !== null)
  return ['DriverStatusResponse', status.state ?? 'unknown', ...parts].join(' ')
}
