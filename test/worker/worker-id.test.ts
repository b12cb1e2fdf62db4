import { expect, test } from 'vitest'

import { workerId } from '../../src/worker/worker-id.js'

const time = new Date(2026, 10, 1, 4, 5, 6)

test.each([
  ['worker-%s-%s-%d', 'worker-20261101040506-host-80'],
  ['%s', '20261101040506'],
  ['100%%-%s-%s-%05d', '100%-20261101040506-host-00080'],
])('P40: %s gives %s', (pattern, expected) => {
  expect(workerId(pattern, time, 'host', 80)).toBe(expected)
})
