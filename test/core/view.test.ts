import { expect, test } from 'vitest'
import { encode, encodeDriver } from '../../src/control/codec.js'
import { InboxKind } from '../../src/control/records.js'
import * as schema from '../../src/schema/magneto.js'
import { Driver, registerApplication, registerWorker, startMs } from './support.js'

function submitDriver(cores: number): Uint8Array {
  const description = new schema.DriverDescriptionT('file:/app.jar', 1024, cores)
  description.command = new schema.JvmCommandT()
  description.command.mainClass = 'org.apache.spark.deploy.worker.DriverWrapper'
  description.command.args = ['{{WORKER_URL}}', '{{USER_JAR}}', 'org.example.Main']
  description.runtimes = ['spark-4.3-driver']
  return encode(new schema.RequestSubmitDriverT(1, encodeDriver(description)))
}

function registerSparkWorker(id: string, cores: number): Uint8Array {
  const body = new schema.RegisterWorkerT(id, 'host-1', 7001, cores, 4096)
  body.runtimes = ['spark-4.3', 'spark-4.3-driver']
  return encode(body)
}

test('a view shows workers, applications and executors as they are', () => {
  const driver = new Driver()
  driver.message(driver.connect(1), registerWorker())
  driver.message(driver.connect(2), registerApplication())
  const view = driver.view()
  expect(view.masterUrl()).toBe('spark://master:7077')
  expect(view.state()).toBe(schema.MasterState.ALIVE)
  expect(Number(view.nowMs())).toBe(startMs)
  expect(view.workers(0)?.coresUsed()).toBe(4)
  expect(view.workers(0)?.memoryUsedMb()).toBe(2048)
  const application = view.activeApplications(0)
  expect(application?.id()).toBe('app-20260124103005-0000')
  expect(application?.coresGranted()).toBe(4)
  expect(application?.executorsLength()).toBe(2)
  expect(application?.executors(0)?.workerId()).toBe('worker-1')
})

test('WorkerHealth: an unhealthy worker is ALIVE, gets nothing, and who waits is told of it', () => {
  const driver = new Driver()
  const worker = driver.connect(1)
  driver.message(worker, registerWorker())
  driver.message(worker, encode(new schema.WorkerHealthT('worker-1', false, '/work is full')))
  const effects = driver.message(driver.connect(2), registerApplication())
  expect(effects.map(({ type }) => type)).not.toContain('LaunchExecutor')
  const { workers, activeApplications } = driver.view().unpack()
  expect(workers[0]).toMatchObject({
    state: schema.WorkerState.ALIVE,
    healthReport: '/work is full',
  })
  const [why] = activeApplications[0]!.explanations
  expect(why).toMatchObject({
    workers: 1,
    ruledOutByState: 1,
    unhealthy: 1,
    fitting: 0,
    closest: null,
  })
  expect(why?.reason).toBe(
    'no worker is alive and healthy (1 unhealthy); 1 worker that could host an executor is unhealthy: ' +
      'worker-1: /work is full',
  )
  const healthy = driver.message(worker, encode(new schema.WorkerHealthT('worker-1', true)))
  expect(healthy.filter(({ type }) => type === 'LaunchExecutor')).toHaveLength(2)
  expect(driver.view().unpack().workers[0]?.healthReport).toBeNull()
})

test('a view stays as it was when the core goes on', () => {
  const driver = new Driver()
  const before = driver.view()
  driver.message(driver.connect(1), registerWorker())
  expect(before.workersLength()).toBe(0)
  expect(driver.view().workersLength()).toBe(1)
})

test('a view shows why an application waits, in numbers and in words', () => {
  const driver = new Driver()
  driver.message(driver.connect(1), registerWorker('worker-1', 1))
  driver.message(driver.connect(2), registerApplication())
  const [application] = driver.view().unpack().activeApplications
  expect(application?.state).toBe(schema.ApplicationState.WAITING)
  expect(application?.explanations).toEqual([
    Object.assign(new schema.ExplanationT(), {
      cores: 2,
      memoryMb: 1024,
      runtimes: ['node'],
      workers: 1,
      ruledOutByCores: 1,
      closest: new schema.ClosestFitT('worker-1', 1),
      reason: 'no worker with the runtime node has the 2 cores (at most 1) that an executor takes',
      advice:
        'lower executorCores to 1 or less, to fit worker-1, or start a worker that has the runtime node, with 2 cores and 1024 MiB or more',
    }),
  ])
})

test('J4: a view shows drivers that run, wait and have ended', () => {
  const driver = new Driver()
  const worker = driver.connect(1)
  driver.message(worker, registerSparkWorker('worker-1', 2))
  const submitter = driver.connect(2)
  driver.message(submitter, submitDriver(2))
  driver.nowMs += 1000
  driver.message(submitter, submitDriver(1))
  const [runs, waits] = driver.view().unpack().activeDrivers
  expect(runs).toMatchObject({
    id: 'driver-20260124103005-0000',
    state: schema.DriverState.RUNNING,
    submittedMs: BigInt(startMs),
    startedMs: BigInt(startMs),
    endedMs: 0n,
    workerId: 'worker-1',
    workerHostPort: 'host-1:7001',
    cores: 2,
    memoryMb: 1024,
    jarUrl: 'file:/app.jar',
    mainClass: 'org.example.Main',
    explanation: null,
  })
  expect(driver.view().workers(0)?.driverIds(0)).toBe(runs?.id)
  expect(waits).toMatchObject({
    id: 'driver-20260124103006-0001',
    state: schema.DriverState.SUBMITTED,
    startedMs: 0n,
    workerId: null,
    workerHostPort: null,
    explanation: {
      wanted: 1,
      limit: schema.Limit.NONE,
      fittingWhenIdle: 1,
      closest: { workerId: 'worker-1', coresMissing: 1, fitsWhenIdle: true },
      advice: `it starts when ${runs?.id} ends, which holds 2 of 2 cores on worker-1, or when such a worker joins`,
    },
  })

  const ended = new schema.DriverStateChangedT(runs?.id, schema.DriverState.FAILED, 'exit code 1')
  driver.message(worker, encode(ended))
  const after = driver.view().unpack()
  expect(after.activeDrivers.map(({ id, state }) => [id, state])).toEqual([
    [waits?.id, schema.DriverState.RUNNING],
  ])
  expect(after.completedDrivers).toMatchObject([
    { id: runs?.id, state: schema.DriverState.FAILED, exception: 'exit code 1' },
  ])
  expect(Number(after.completedDrivers[0]?.endedMs)).toBe(driver.nowMs)
})

test('S1: a view shows whether the master leads', () => {
  const driver = new Driver({ standby: true })
  expect(driver.view().state()).toBe(schema.MasterState.STANDBY)
  driver.step((inbox) => inbox.add(InboxKind.ELECTED, 0))
  expect(driver.view().state()).toBe(schema.MasterState.ALIVE)
})
