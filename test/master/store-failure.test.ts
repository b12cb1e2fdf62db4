/** A master whose store fails serves what runs, says so every minute, and promises nothing new. */
import { afterEach, describe, expect, test, vi } from 'vitest'

import { STORE_ALARM_PERIOD_MS } from '../../src/master/limits.js'
import { StoreAlarm } from '../../src/master/store-alarm.js'
import { recordingLog } from '../control/recorder.js'

afterEach(() => void vi.useRealTimers())

describe('the alarm of a failed store', () => {
  test('is an error each minute until the master stops', () => {
    vi.useFakeTimers()
    const lines: string[] = []
    const alarm = new StoreAlarm(recordingLog(lines))
    alarm.raise(new Error('no space left'))
    alarm.raise(new Error('again'))
    expect(lines).toHaveLength(1)
    vi.advanceTimersByTime(2 * STORE_ALARM_PERIOD_MS)
    expect(lines).toHaveLength(3)
    for (const line of lines)
      expect(JSON.parse(line)).toMatchObject({
        level: 50,
        msg: expect.stringContaining('no space left') as string,
      })
    alarm.end()
    vi.advanceTimersByTime(2 * STORE_ALARM_PERIOD_MS)
    expect(lines).toHaveLength(3)
  })
})
