/** W21, E18, E19: the links to logs that executors and drivers get. */
import { expect, test } from 'vitest'

import { logUrls, logUrlVariables } from '../../src/worker/web/log-urls.js'

const BASE = 'http://node1:8081'

test('W21 E18: an executor learns where its two logs are read', () => {
  expect(logUrlVariables(BASE, { appId: 'app-1', executorId: 7 })).toEqual({
    SPARK_LOG_URL_STDOUT: `${BASE}/logPage/?appId=app-1&executorId=7&logType=stdout`,
    SPARK_LOG_URL_STDERR: `${BASE}/logPage/?appId=app-1&executorId=7&logType=stderr`,
  })
})

test('E19: a driver too', () => {
  expect(logUrlVariables(BASE, { driverId: 'driver-1' })).toEqual({
    SPARK_DRIVER_LOG_URL_STDOUT: `${BASE}/logPage/?driverId=driver-1&logType=stdout`,
    SPARK_DRIVER_LOG_URL_STDERR: `${BASE}/logPage/?driverId=driver-1&logType=stderr`,
  })
})

test('W21: ids can not become other parameters, and are read back as they were', () => {
  const appId = 'a b&logType=out#é/..'
  const { stdout } = logUrls(BASE, { appId, executorId: 0 })
  expect(stdout).toContain('appId=a+b%26logType%3Dout%23%C3%A9%2F..&executorId=0')
  expect(new URL(stdout).searchParams.get('appId')).toBe(appId)
  expect(new URL(stdout).searchParams.get('logType')).toBe('stdout')
})
