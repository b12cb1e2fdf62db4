import { describe, expect, it } from 'vitest'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { enumerationOf } from '../../src/spark/java/values.js'
import {
  DRIVER_STATES,
  EXECUTOR_STATES,
  JavaStreamError,
  UnsupportedPeerError,
  decodeMessage,
} from '../../src/spark/messages.js'
import { RELEASES, capture, sample, samples } from './golden-vectors.js'
import type { IncomingMessage } from '../../src/spark/messages.js'
import type { Release } from './golden-vectors.js'

/** Without what is only there to be passed on. */
function fields(bytes: Uint8Array): unknown {
  return JSON.parse(
    JSON.stringify(decodeMessage(bytes), (key, value: unknown) =>
      key === 'stream' || key === 'tree' ? undefined : value,
    ),
  )
}

const numberOf = (release: Release, name: string, owner: string): number =>
  enumerationOf(readJavaStream(sample(release, `enum/${name}`)).root, owner)

const address = (port: number): unknown => ({ host: '127.0.0.1', port })

describe.each(RELEASES)('messages of Spark %s', (release) => {
  const of = (name: string): unknown => fields(sample(release, `msg/${name}`))

  it('M22, K1, K2, K7: RegisterApplication with everything set', () => {
    expect(of('RegisterApplication-full')).toMatchObject({
      kind: 'RegisterApplication',
      driver: { name: 'AppClient', address: address(27200) },
      appDescription: {
        name: 'Pi',
        maxCores: null,
        appUiUrl: 'http://127.0.0.1:4040',
        eventLogDir: 'file:/tmp/ev',
        eventLogCodec: 'zstd',
        initialExecutorLimit: 2,
        user: 'root',
        command: {
          mainClass: 'org.apache.spark.executor.CoarseGrainedExecutorBackend',
          environment: [['A', '1']],
          classPathEntries: [],
          libraryPathEntries: [],
          javaOpts: ['-Dspark.driver.port=27200'],
        },
        defaultProfile: {
          id: 0,
          cores: 2,
          memoryMb: 1024,
          resources: [{ resourceName: 'gpu', amount: 1, discoveryScript: '/opt/disc.sh' }],
          taskResources: [{ resourceName: 'cpus' }, { resourceName: 'gpu', amount: 0.5 }],
        },
      },
    })
  })

  it('M22: RegisterApplication with little set', () => {
    expect(of('RegisterApplication')).toMatchObject({
      appDescription: {
        maxCores: 4,
        eventLogDir: null,
        eventLogCodec: null,
        initialExecutorLimit: null,
      },
    })
  })

  it('M1, K5, K8: RegisterWorker', () => {
    expect(of('RegisterWorker-gpu')).toEqual({
      kind: 'RegisterWorker',
      id: 'worker-1',
      host: '127.0.0.1',
      port: 27100,
      worker: { name: 'Worker', address: address(27100) },
      cores: 4,
      memoryMb: 2048,
      workerWebUiUrl: 'http://127.0.0.1:27101',
      masterAddress: address(27077),
      resources: [{ name: 'gpu', addresses: ['0', '1'] }],
    })
  })

  it('M11: ExecutorStateChanged', () => {
    expect(of('ExecutorStateChanged-exited')).toEqual({
      kind: 'ExecutorStateChanged',
      appId: 'app-1',
      execId: 0,
      state: 'EXITED',
      message: 'Command exited with code 0',
      exitStatus: 0,
    })
    expect(of('ExecutorStateChanged-running')).toMatchObject({ message: null, exitStatus: null })
  })

  it('M12: DriverStateChanged', () => {
    expect(of('DriverStateChanged')).toMatchObject({ state: 'FINISHED', exception: null })
    expect(of('DriverStateChanged-error')).toMatchObject({
      state: 'ERROR',
      exception: { className: 'java.io.IOException', message: 'boom' },
    })
  })

  it('M7 to M10, K4: what a worker knows', () => {
    const executor = { appId: 'app-1', execId: 0, rpId: 0, cores: 2, memoryMb: 1024 }
    const gpu = [{ name: 'gpu', addresses: ['0', '1'] }]
    expect(of('WorkerLatestState')).toMatchObject({
      id: 'worker-1',
      executors: [{ ...executor, state: 'RUNNING' }],
      driverIds: ['driver-1'],
    })
    expect(of('WorkerSchedulerStateResponse')).toMatchObject({
      executors: [{ description: executor, resources: [] }],
      drivers: [{ driverId: 'driver-1', resources: gpu }],
    })
  })

  it('M30, M31: RequestExecutors and KillExecutors', () => {
    expect(of('RequestExecutors')).toMatchObject({
      appId: 'app-1',
      totals: [{ profile: { id: 0, cores: 2, memoryMb: 1024 }, total: 3 }],
    })
    expect(of('KillExecutors')).toMatchObject({ executorIds: ['0', '1'] })
  })

  it('M33, K3, K6: RequestSubmitDriver', () => {
    expect(of('RequestSubmitDriver')).toMatchObject({
      driverDescription: {
        jarUrl: 'file:/tmp/a.jar',
        memoryMb: 1024,
        cores: 1,
        supervise: true,
        command: { mainClass: 'org.apache.spark.deploy.worker.DriverWrapper' },
        resourceRequirements: [{ resourceName: 'gpu', amount: 1 }],
      },
    })
  })

  it('K9, S4, S5: every executor and driver state', () => {
    for (const [index, state] of EXECUTOR_STATES.entries()) {
      const owner = 'org.apache.spark.deploy.ExecutorState$'
      expect(numberOf(release, `ExecutorState.${state}`, owner)).toBe(index)
    }
    for (const [index, state] of DRIVER_STATES.entries()) {
      const owner = 'org.apache.spark.deploy.master.DriverState$'
      expect(numberOf(release, `DriverState.${state}`, owner)).toBe(index)
    }
  })

  it('requests without fields', () => {
    expect(of('BoundPortsRequest')).toEqual({ kind: 'BoundPortsRequest' })
    expect(of('RequestMasterState')).toEqual({ kind: 'RequestMasterState' })
  })

  it('what a Master does not read is told by its class', () => {
    expect(of('ExecutorAdded')).toEqual({
      kind: 'Unknown',
      className: 'org.apache.spark.deploy.DeployMessages$ExecutorAdded',
    })
  })
})

it('an environment with a default, of the legacy submit client (WIRE 8.14)', () => {
  const submitted = ['3.5.9', '4.0.1', '4.3.0'].flatMap((release) =>
    capture(`d-cluster-submit-${release}`).filter(
      ({ message }) => message === 'RequestSubmitDriver',
    ),
  )
  expect(submitted.length).toBeGreaterThan(2)
  for (const { bytes } of submitted) {
    const message = decodeMessage(bytes)
    if (message.kind !== 'RequestSubmitDriver') return expect.fail(message.kind)
    expect(message.driverDescription.command.environment.length).toBeGreaterThan(0)
  }
  return undefined
})

it('a message without one of its fields is refused, naming class, field and served versions', () => {
  const bytes = Buffer.from(sample('4.3.0', 'msg/UnregisterApplication'))
  bytes.write('appIq', bytes.indexOf('appId'))
  expect(() => decodeMessage(bytes)).toThrow(UnsupportedPeerError)
  expect(() => decodeMessage(bytes)).toThrow(/UnregisterApplication.*no field appId; served are/)
})

it('what is no Java stream is refused as such', () => {
  expect(() => decodeMessage(Buffer.from('GET / HTTP/1.1'))).toThrow(JavaStreamError)
})

// A body is a view into what came from the socket, where the next bytes may be written over it.
describe('what is read of a message keeps nothing of its bytes', () => {
  it.each(RELEASES)('%s', (release) => {
    let read = 0
    for (const { name, bytes } of samples(release)) {
      if (!name.startsWith('msg/')) continue
      // The second time its shape is known.
      for (let time = 0; time < 2; time++) {
        const untouched = decoded(Buffer.from(bytes))
        const overwritten = Buffer.from(bytes)
        const message = decoded(overwritten)
        overwritten.fill(0xdd)
        expect(message, name).toEqual(untouched)
        read += message === null ? 0 : 1
      }
    }
    expect(read).toBeGreaterThan(40)
  })

  function decoded(bytes: Uint8Array): IncomingMessage | null {
    try {
      return decodeMessage(bytes)
    } catch (error) {
      if (error instanceof UnsupportedPeerError) return null
      throw error
    }
  }
})
