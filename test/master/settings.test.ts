/** Every setting that the core heeds reaches it (spec 5a). */
import { ByteBuffer } from 'flatbuffers'
import { describe, expect, test } from 'vitest'
import { Configuration } from '../../src/conf/configuration.js'
import { coreConfig } from '../../src/master/settings.js'
import { CoreConfig, WorkerSelectionPolicy } from '../../src/schema/magneto.js'

function settings(entries: [string, string][]) {
  const bytes = coreConfig(new Configuration(entries), 'spark://m:7077', 'http://m:8080')
  return CoreConfig.getRootAsCoreConfig(new ByteBuffer(bytes)).unpack()
}

describe('settings of the core', () => {
  test('P5, P8 to P17, P29: are the operator’s', () => {
    expect(
      settings([
        ['spark.deploy.retainedApplications', '3'],
        ['spark.deploy.retainedDrivers', '4'],
        ['spark.dead.worker.persistence', '5'],
        ['spark.deploy.maxExecutorRetries', '-1'],
        ['spark.deploy.spreadOutApps', 'false'],
        ['spark.deploy.spreadOutDrivers', 'false'],
        ['spark.deploy.workerSelectionPolicy', 'worker_id'],
        ['spark.deploy.defaultCores', '6'],
        ['spark.deploy.maxDrivers', '7'],
        ['spark.deploy.appNumberModulo', '1000'],
        ['spark.deploy.driverIdPattern', 'd-%2$x'],
        ['spark.deploy.appIdPattern', 'a-%2$x'],
        ['spark.worker.timeout', '8'],
        ['spark.master.useAppNameAsAppId.enabled', 'true'],
        ['spark.deploy.recoveryTimeout', '30'],
      ]),
    ).toMatchObject({
      masterUrl: 'spark://m:7077',
      masterWebUiUrl: 'http://m:8080',
      retainedApplications: 3,
      retainedDrivers: 4,
      deadWorkerPersistence: 5,
      maxExecutorRetries: -1,
      spreadOutApps: false,
      spreadOutDrivers: false,
      workerSelectionPolicy: WorkerSelectionPolicy.WORKER_ID,
      defaultCores: 6,
      maxDrivers: 7,
      appNumberModulo: 1000,
      driverIdPattern: 'd-%2$x',
      appIdPattern: 'a-%2$x',
      workerTimeoutMs: 8000,
      useAppNameAsAppId: true,
      standby: true,
      recoveryTimeoutMs: 30_000,
    })
  })

  test('P5, P8 to P17, P29: are Spark’s where the operator says nothing', () => {
    expect(settings([])).toMatchObject({
      retainedApplications: 200,
      retainedDrivers: 200,
      deadWorkerPersistence: 15,
      maxExecutorRetries: 10,
      spreadOutApps: true,
      spreadOutDrivers: true,
      workerSelectionPolicy: WorkerSelectionPolicy.CORES_FREE_DESC,
      defaultCores: 2147483647,
      maxDrivers: 2147483647,
      appNumberModulo: 0,
      driverIdPattern: 'driver-%s-%04d',
      appIdPattern: 'app-%s-%04d',
      workerTimeoutMs: 60_000,
      useAppNameAsAppId: false,
    })
  })

  test('A3: chance differs from start to start', () => {
    expect(settings([]).seed).not.toBe(settings([]).seed)
  })
})
