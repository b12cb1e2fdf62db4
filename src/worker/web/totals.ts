/** What of a worker is taken, by executors and drivers together. Pure. */
import type { HostedLists } from '../hosted-work.js'
import type { WorkerFacts } from './thread-messages.js'

export interface Used {
  readonly cores: number
  readonly memoryMb: number
  /** Addresses by the name of their resource. */
  readonly resources: ReadonlyMap<string, readonly string[]>
}

export function usedOf({ executors, drivers }: HostedLists): Used {
  const resources = new Map<string, string[]>()
  let [cores, memoryMb] = [0, 0]
  for (const one of [...executors, ...drivers]) {
    cores += one.cores
    memoryMb += one.memoryMb
    for (const { name, addresses } of one.resources) {
      resources.set(name, [...(resources.get(name) ?? []), ...addresses])
    }
  }
  return { cores, memoryMb, resources }
}

/** What metrics show of a worker (Z3). */
export function loadOf(worker: Pick<WorkerFacts, 'cores' | 'memoryMb'>, lists: HostedLists) {
  const used = usedOf(lists)
  const { cores, memoryMb } = worker
  const running = lists.executors.filter(({ state }) => state === 'RUNNING').length
  const executors = lists.executors.length
  return {
    load: { executors, cores, coresUsed: used.cores, memoryMb, memoryUsedMb: used.memoryMb },
    executors: { LAUNCHING: executors - running, RUNNING: running },
  }
}
