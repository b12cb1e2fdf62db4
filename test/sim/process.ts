/** What runs on a simulated host. It exists from the launch on until it has ended. */
import type { ResourceT } from '../../src/schema/magneto.js'

export interface Process {
  readonly cores: number
  readonly memoryMb: number
  readonly resources: readonly ResourceT[]
  started: boolean
  /** Asked to end: it may take a while. */
  killed: boolean
}

export interface ExecutorProcess extends Process {
  readonly appId: string
  readonly executorId: number
  readonly profileId: number
}

export interface DriverProcess extends Process {
  readonly driverId: string
  readonly jarUrl: string
}

export interface HostFacts {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly cores: number
  readonly memoryMb: number
  readonly resources: readonly ResourceT[]
  readonly runtimes: readonly string[]
}

/** What everything that is not about to end takes together. */
export function taken(processes: Iterable<Process>): {
  cores: number
  memoryMb: number
  addresses: string[]
} {
  const sum = { cores: 0, memoryMb: 0, addresses: [] as string[] }
  for (const { cores, memoryMb, resources, killed } of processes) {
    if (killed) continue
    sum.cores += cores
    sum.memoryMb += memoryMb
    sum.addresses.push(...addressesOf(resources))
  }
  return sum
}

/** As "name/address". */
export function addressesOf(resources: readonly ResourceT[]): string[] {
  return resources.flatMap(({ name, addresses }) => addresses.map((unit) => `${name}/${unit}`))
}
