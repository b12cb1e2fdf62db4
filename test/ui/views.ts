/** Hand-made ClusterViews for the tests of the web thread. */
import { Builder } from 'flatbuffers'
import {
  ApplicationRowT,
  ApplicationState,
  ApplicationViewT,
  ChangesT,
  ClosestFitT,
  ClusterViewT,
  DriverRowT,
  DriverState,
  DriverViewT,
  ExecutorPlace,
  ExecutorRowT,
  ExecutorState,
  ExecutorViewT,
  ExplanationT,
  Limit,
  MasterState,
  ResourceAmountT,
  ResourceT,
  WorkerRowT,
  WorkerState,
  WorkerViewT,
} from '../../src/schema/magneto.js'
import {
  applicationPage as drawApplicationPage,
  type ApplicationPageOptions,
} from '../../src/ui/app-page.js'
import { ClusterModel } from '../../src/ui/model/cluster-model.js'
import { Events } from '../../src/ui/model/events.js'
import { History } from '../../src/ui/model/history.js'
import {
  clusterPage as drawClusterPage,
  clusterTables,
  type PageOptions,
} from '../../src/ui/page.js'
import type { RouteContext } from '../../src/ui/route-context.js'

export const submittedMs = Date.UTC(2026, 10, 21, 5, 0, 0)

export function workerView(id: string, change: Partial<WorkerViewT> = {}): WorkerViewT {
  return Object.assign(
    new WorkerViewT(id, '10.0.0.1', 7001, 'http://10.0.0.1:8081', 8, 3, 4096, 1024),
    {
      resources: [new ResourceT('gpu', ['0', '1'])],
      resourcesUsed: [new ResourceT('gpu', ['1'])],
      lastHeartbeatMs: BigInt(submittedMs),
      runtimes: ['node', 'spark-4.3'],
      ...change,
    },
  )
}

export function applicationView(
  id: string,
  change: Partial<ApplicationViewT> = {},
): ApplicationViewT {
  return Object.assign(new ApplicationViewT(id, 'pi', 'ada', 'http://driver:4040', 'spark-4.3'), {
    submittedMs: BigInt(submittedMs),
    startedMs: BigInt(submittedMs),
    state: ApplicationState.RUNNING,
    coresGranted: 3,
    memoryPerExecutorMb: 1024,
    resourcesPerExecutor: [new ResourceAmountT('gpu', 1)],
    executors: [new ExecutorViewT(0, 'worker-1', 0, 3, 1024, [], ExecutorState.RUNNING)],
    ...change,
  })
}

export function driverView(id: string, change: Partial<DriverViewT> = {}): DriverViewT {
  return Object.assign(new DriverViewT(id, DriverState.RUNNING, BigInt(submittedMs)), {
    startedMs: BigInt(submittedMs),
    workerId: 'worker-1',
    workerHostPort: '10.0.0.1:7001',
    cores: 1,
    memoryMb: 512,
    mainClass: 'org.example.Pi',
    ...change,
  })
}

/** A driver that no worker was found for. */
export function waitingDriverView(id: string, change: Partial<DriverViewT> = {}): DriverViewT {
  return driverView(id, {
    state: DriverState.SUBMITTED,
    startedMs: 0n,
    workerId: null,
    workerHostPort: null,
    explanation: explanation(),
    ...change,
  })
}

/** Of ten workers one has the memory once it is idle. */
export function explanation(change: Partial<ExplanationT> = {}): ExplanationT {
  return Object.assign(new ExplanationT(), {
    cores: 4,
    memoryMb: 8192,
    resources: [new ResourceAmountT('gpu', 1)],
    runtimes: ['spark-4.3'],
    wanted: 3,
    limit: Limit.NONE,
    workers: 10,
    ruledOutByState: 1,
    ruledOutByRuntime: 2,
    ruledOutByCores: 3,
    ruledOutByMemory: 4,
    fittingWhenIdle: 1,
    closest: new ClosestFitT('worker-7', 2, 1024, [new ResourceAmountT('gpu', 1)], true),
    reason: 'no worker has 4 cores and 8192 MiB free',
    advice: 'it starts when worker-7 is idle, or ask for 6144 MiB',
    ...change,
  })
}

export function clusterView(change: Partial<ClusterViewT> = {}): ClusterViewT {
  return Object.assign(new ClusterViewT('spark://master:7077', MasterState.ALIVE), {
    nowMs: BigInt(submittedMs + 90_000),
    workers: [
      workerView('worker-1'),
      workerView('worker-2', { state: WorkerState.DEAD, resources: [], resourcesUsed: [] }),
    ],
    activeApplications: [applicationView('app-1')],
    completedApplications: [
      applicationView('app-0', {
        state: ApplicationState.KILLED,
        endedMs: BigInt(submittedMs + 30_000),
        coresGranted: 0,
      }),
    ],
    ...change,
  })
}

/** As the core writes it. */
export function viewBytes(view: ClusterViewT): Uint8Array {
  const builder = new Builder(1024)
  builder.finish(view.pack(builder), 'MGV1')
  return builder.asUint8Array().slice()
}

/** What the core would say to a reader that has nothing yet. Of executors, those of the live ones come as LIVE. */
export function changesOf(view: ClusterViewT): ChangesT {
  const changes = new ChangesT(Object.assign(new ClusterViewT(), view, emptyLists), true)
  let number = 0
  const next = () => ++number
  changes.workers = view.workers.map((worker) => new WorkerRowT(next(), worker))
  const applications = (all: readonly ApplicationViewT[], completed: boolean) => {
    for (const [order, application] of all.entries()) {
      const { executors, removedExecutors: removed, explanations } = application
      const row = new ApplicationRowT(next(), BigInt(order), completed, explanations.length > 0)
      row.executors = executors.length
      row.application = Object.assign(new ApplicationViewT(), application, {
        executors: [],
        removedExecutors: [],
      })
      changes.applications.push(row)
      const place = completed ? ExecutorPlace.LAST : ExecutorPlace.LIVE
      for (const executor of executors)
        changes.executors.push(new ExecutorRowT(next(), row.number, place, 0, executor))
      for (const [at, executor] of removed.entries())
        changes.executors.push(
          new ExecutorRowT(next(), row.number, ExecutorPlace.REMOVED, at, executor),
        )
    }
  }
  applications(view.activeApplications, false)
  applications(view.completedApplications, true)
  const drivers = (all: readonly DriverViewT[], completed: boolean) =>
    all.map(
      (driver, order) =>
        new DriverRowT(next(), BigInt(order), completed, driver.explanation !== null, driver),
    )
  changes.drivers = [...drivers(view.activeDrivers, false), ...drivers(view.completedDrivers, true)]
  return changes
}

const emptyLists = {
  workers: [],
  activeApplications: [],
  completedApplications: [],
  activeDrivers: [],
  completedDrivers: [],
}

export function changesBytes(changes: ChangesT): Uint8Array {
  const builder = new Builder(1024)
  builder.finish(changes.pack(builder))
  return builder.asUint8Array().slice()
}

/** The model of a reader that was told all of the view. */
export function modelOf(view: ClusterViewT): ClusterModel {
  const model = new ClusterModel()
  model.apply(changesBytes(changesOf(view)))
  return model
}

/** As routes are given it: everything is explained already. */
export function clusterOf(view: ClusterViewT): RouteContext['cluster'] {
  const model = modelOf(view)
  return { current: async () => model, explain: async () => {}, answeredInMs: 0.25 }
}

/** What routes need besides, of a master that nothing happened to. */
export const eventless: Pick<RouteContext, 'history' | 'events'> = {
  history: new History(),
  events: new Events(),
}

/** The first page of the view. */
export function clusterPage(view: ClusterViewT, options: PageOptions, query = ''): string {
  const model = modelOf(view)
  return drawClusterPage(model, clusterTables(model, new URLSearchParams(query)), options)
}

/** The page of one application of the view. */
export function applicationPage(
  application: ApplicationViewT | null,
  nowMs: number,
  options: ApplicationPageOptions = {},
): string {
  const ended = application !== null && application.endedMs !== 0n
  const model = modelOf(
    Object.assign(new ClusterViewT('spark://master:7077'), {
      nowMs: BigInt(nowMs),
      activeApplications: application === null || ended ? [] : [application],
      completedApplications: application !== null && ended ? [application] : [],
    }),
  )
  return drawApplicationPage(model.application(String(application?.id)), model, options)
}
