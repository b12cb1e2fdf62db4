/** A master that does not lead says why every minute. */
import { afterEach, describe, expect, test, vi } from 'vitest'

import { STORE_ALARM_PERIOD_MS } from '../../src/master/limits.js'
import { StoreAlarm } from '../../src/master/store-alarm.js'
import { recordingLog } from '../control/recorder.js'

afterEach(() => void vi.useRealTimers())

describe('the alarm', () => {
  test('is an error each minute while there is a reason, and ends with the master', () => {
    vi.useFakeTimers()
    const lines: string[] = []
    let reason = ''
    const alarm = new StoreAlarm(recordingLog(lines), () => reason)
    vi.advanceTimersByTime(STORE_ALARM_PERIOD_MS)
    expect(lines).toHaveLength(0)
    reason = 'no space left'
    vi.advanceTimersByTime(3 * STORE_ALARM_PERIOD_MS)
    expect(lines).toHaveLength(3)
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({
        level: 50,
        msg: expect.stringContaining('no space left') as string,
      })
    reason = ''
    vi.advanceTimersByTime(2 * STORE_ALARM_PERIOD_MS)
    reason = 'again'
    alarm.end()
    vi.advanceTimersByTime(2 * STORE_ALARM_PERIOD_MS)
    expect(lines).toHaveLength(3)
  })
})
