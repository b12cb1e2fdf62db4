import { expect, test } from 'vitest'
import { Driver, registerApplication, registerWorker, startMs } from './support.js'

test('a view shows workers, applications and executors as they are', () => {
  const driver = new Driver()
  driver.message(driver.connect(1), registerWorker())
  driver.message(driver.connect(2), registerApplication())
  const view = driver.view()
  expect(view.masterUrl()).toBe('spark://master:7077')
  expect(Number(view.nowMs())).toBe(startMs)
  expect(view.workers(0)?.coresUsed()).toBe(4)
  expect(view.workers(0)?.memoryUsedMb()).toBe(2048)
  const application = view.activeApplications(0)
  expect(application?.id()).toBe('app-20260124103005-0000')
  expect(application?.coresGranted()).toBe(4)
  expect(application?.executorsLength()).toBe(2)
  expect(application?.executors(0)?.workerId()).toBe('worker-1')
})

test('a view stays as it was when the core goes on', () => {
  const driver = new Driver()
  const before = driver.view()
  driver.message(driver.connect(1), registerWorker())
  expect(before.workersLength()).toBe(0)
  expect(driver.view().workersLength()).toBe(1)
})
