/** A real server over a played cluster that has everything: all states, and names that mean harm. */
import { afterEach, expect } from 'vitest'
import {
  ApplicationState,
  ApplicationViewT,
  DriverState,
  ExecutorState,
  ExecutorViewT,
  MasterState,
  ResourceAmountT,
  ResourceT,
  WorkerState,
  type ClusterViewT,
} from '../../src/schema/magneto.js'
import { namesOf, type Enumeration } from '../../src/ui/api/field.js'
import { ClusterModel } from '../../src/ui/model/cluster-model.js'
import { Events } from '../../src/ui/model/events.js'
import { History, sampleOf } from '../../src/ui/model/history.js'
import type { RouteContext } from '../../src/ui/route-context.js'
import { WebServer } from '../../src/ui/server.js'
import {
  applicationView,
  changesBytes,
  changesOf,
  clusterOf,
  clusterView,
  driverView,
  explanation,
  modelOf,
  submittedMs,
  waitingDriverView,
  workerView,
} from './views.js'

/** Each would break something that takes names for what they are not. */
export const hostile = [
  '<script>alert(1)</script>',
  '"}],"items":[',
  "' OR 1=1 --",
  'a/b?c#d&e=f%2F%zz',
  '../../etc/passwd',
  '__proto__',
  'line\r\nSet-Cookie: a=b',
  '\u001B[2J\u0000\u009F',
  '🦄 ünïcödé \u202Etxt',
  '{id}',
] as const

const numbersOf = (names: Enumeration) => namesOf(names).map((name) => Number(names[name]))

function hostileApplications(): ApplicationViewT[] {
  const executors = numbersOf(ExecutorState).map(
    (state, id) =>
      new ExecutorViewT(id, hostile[id], id, 1, 512, [new ResourceT('__proto__', ['0'])], state),
  )
  return hostile.map((name, at) =>
    applicationView(`app ${name}`, {
      name,
      user: at % 2 === 0 ? name : null,
      uiUrl: at % 2 === 0 ? `javascript:${name}` : null,
      runtime: at % 3 === 0 ? null : name,
      submittedMs: BigInt(submittedMs - 1000 * at),
      startedMs: at % 2 === 0 ? 0n : BigInt(submittedMs),
      state: at % 2 === 0 ? ApplicationState.WAITING : ApplicationState.RUNNING,
      coresMax: at % 2 === 0 ? null : 7,
      executorLimit: at % 2 === 0 ? 3 : null,
      resourcesPerExecutor: [new ResourceAmountT(name, 2)],
      executors: at === 0 ? executors : [],
      removedExecutors: at === 1 ? executors : [],
      explanations:
        at % 2 === 0 ? [explanation(), explanation({ closest: null, wanted: null })] : [],
    }),
  )
}

export const hostileView: ClusterViewT = clusterView({
  state: MasterState.ALIVE,
  workers: hostile.map((name, at) =>
    workerView(name, {
      host: name,
      state: numbersOf(WorkerState)[at % 4] as WorkerState,
      webUiUrl: at % 2 === 0 ? null : `http://${name}`,
      resources: [new ResourceT(name, ['0', name])],
      resourcesUsed: at % 2 === 0 ? [new ResourceT(name, [name])] : [],
      healthReport: at % 3 === 0 ? name : null,
      runtimes: [name],
      driverIds: at === 0 ? [name] : [],
    }),
  ),
  activeApplications: hostileApplications(),
  completedApplications: numbersOf(ApplicationState).map((state) =>
    applicationView(`ended-${ApplicationState[state]}`, {
      state,
      endedMs: BigInt(submittedMs + 30_000),
      submittedMs: BigInt(submittedMs - 500 * state),
    }),
  ),
  activeDrivers: hostile.map((name, at) =>
    at % 2 === 0
      ? waitingDriverView(`driver ${name}`, { mainClass: null, exception: null })
      : driverView(`driver ${name}`, {
          mainClass: name,
          workerId: name,
          supervise: true,
          resources: [new ResourceT(name, [name])],
          resourcesAsked: [new ResourceAmountT(name, 1)],
        }),
  ),
  completedDrivers: numbersOf(DriverState).map((state) =>
    driverView(`ended-${DriverState[state]}`, {
      state,
      endedMs: BigInt(submittedMs),
      exception: hostile[0],
    }),
  ),
})

/** What the view's rows tell when they come one by one, and two minutes of samples. */
export function hostilePast(): Pick<RouteContext, 'history' | 'events'> {
  const events = new Events()
  const model = new ClusterModel(events)
  const empty = { workers: [], activeApplications: [], completedApplications: [] }
  model.apply(changesBytes(changesOf(clusterView(empty))))
  model.apply(changesBytes(Object.assign(changesOf(hostileView), { anew: false })))
  const history = new History()
  const sample = sampleOf(modelOf(hostileView), { mainThreadAnswerMs: 0.125, schedulingP99Us: 50 })
  for (let second = 0; second < 125; ++second) {
    const schedulingP99Us = second % 2 === 0 ? null : 50
    history.add({ ...sample, atMs: sample.atMs + 1000 * second, schedulingP99Us })
  }
  return { history, events }
}

const running: WebServer[] = []
const faults: Error[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
  expect(faults.splice(0)).toEqual([])
})

const none = async (): Promise<never> => {
  throw new Error('nothing is to be done here')
}

export interface Got {
  readonly status: number
  readonly type: string
  readonly headers: Headers
  readonly text: string
  /** Of JSON. */
  readonly data: unknown
}

/** @returns asks it for what is below /api/v1 */
export async function apiServer(change: Partial<RouteContext> = {}) {
  const server = new WebServer({
    host: '127.0.0.1',
    port: 0,
    maxRetries: 0,
    context: {
      killEnabled: true,
      decommissionAllowMode: null,
      restUrl: 'spark://master:6066',
      commands: { killApplication: none, killDriver: none, decommissionWorkers: none },
      audit: () => {},
      cluster: clusterOf(hostileView),
      ...hostilePast(),
      ...change,
    },
    onFault: (error) => faults.push(error),
  })
  running.push(server)
  const url = `http://127.0.0.1:${await server.listen()}/api/v1`
  return async (path: string, init: RequestInit = {}): Promise<Got> => {
    const response = await fetch(url + path, init)
    const text = await response.text()
    const type = response.headers.get('content-type') ?? ''
    const data: unknown = type === 'application/json' && text !== '' ? JSON.parse(text) : null
    return { status: response.status, type, headers: response.headers, text, data }
  }
}
