/** Signals: the first stops in order, the second at once. */
import { EventEmitter } from 'node:events'
import { expect, test, vi } from 'vitest'

import { supervise, type RunningDaemon } from '../../src/cli/supervise.js'

/** A promise that the test fulfils; executors of promises run at once, so `fulfil` is set. */
function deferred<T>(): { promise: Promise<T>; fulfil: (value: T) => void } {
  let fulfil!: (value: T) => void
  const promise = new Promise<T>((settle) => {
    fulfil = settle
  })
  return { promise, fulfil }
}

function fakeDaemon() {
  const { promise: stopped, fulfil: end } = deferred<number>()
  const stop = vi.fn<() => Promise<void>>(() => Promise.resolve())
  const daemon: RunningDaemon = { stop, stopped }
  return { daemon, stop, end }
}

function fakeProcess() {
  const signals = new EventEmitter()
  const exit = vi.fn<(status: number) => void>()
  const complain = vi.fn<(message: string) => void>()
  return { signals, exit, complain }
}

test('without a signal: the status of the daemon, and no listener is left', async () => {
  const { daemon, end, stop } = fakeDaemon()
  const outside = fakeProcess()
  const ended = supervise(() => Promise.resolve(daemon), outside)
  end(3)
  expect(await ended).toBe(3)
  expect(stop).not.toHaveBeenCalled()
  expect(outside.signals.eventNames()).toEqual([])
})

test.each(['SIGTERM', 'SIGINT'])('%s stops once, then the status counts', async (signal) => {
  const { daemon, end, stop } = fakeDaemon()
  const outside = fakeProcess()
  const ended = supervise(() => Promise.resolve(daemon), outside)
  await Promise.resolve()
  await Promise.resolve()
  outside.signals.emit(signal, signal)
  expect(stop).toHaveBeenCalledTimes(1)
  end(0)
  expect(await ended).toBe(0)
  expect(outside.exit).not.toHaveBeenCalled()
})

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
])('a second signal, %s, ends at once with %d', async (signal, status) => {
  const { daemon, end, stop } = fakeDaemon()
  const outside = fakeProcess()
  const ended = supervise(() => Promise.resolve(daemon), outside)
  await Promise.resolve()
  await Promise.resolve()
  outside.signals.emit('SIGTERM', 'SIGTERM')
  outside.signals.emit(signal, signal)
  expect(outside.exit).toHaveBeenCalledExactlyOnceWith(status)
  expect(stop).toHaveBeenCalledTimes(1)
  end(0)
  await ended
})

test('a signal while it starts stops it as soon as it has started', async () => {
  const { daemon, end, stop } = fakeDaemon()
  const outside = fakeProcess()
  const { promise: starting, fulfil: started } = deferred<RunningDaemon>()
  const ended = supervise(() => starting, outside)
  outside.signals.emit('SIGTERM', 'SIGTERM')
  expect(stop).not.toHaveBeenCalled()
  stop.mockImplementation(() => {
    end(0)
    return Promise.resolve()
  })
  started(daemon)
  expect(await ended).toBe(0)
  expect(stop).toHaveBeenCalledTimes(1)
})

test.each([
  ['while it starts', { startLimitMs: 1_000 }, false],
  ['once it runs', { stopLimitMs: 1_000 }, true],
])('a stop %s that takes too long ends the process', async (_name, limits, runs) => {
  vi.useFakeTimers()
  try {
    const { daemon } = fakeDaemon()
    const outside = fakeProcess()
    const never = new Promise<RunningDaemon>(() => {})
    void supervise(() => (runs ? Promise.resolve(daemon) : never), { ...outside, ...limits })
    await vi.advanceTimersByTimeAsync(0)
    outside.signals.emit('SIGTERM', 'SIGTERM')
    await vi.advanceTimersByTimeAsync(999)
    expect(outside.exit).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(outside.exit).toHaveBeenCalledExactlyOnceWith(143)
    expect(outside.complain).toHaveBeenCalledWith('stopping took too long')
  } finally {
    vi.useRealTimers()
  }
})

test('a stop that fails ends the process with 1, and a start that fails is passed on', async () => {
  const { daemon, stop } = fakeDaemon()
  const outside = fakeProcess()
  const exited = new Promise<number>((fulfil) => {
    outside.exit.mockImplementation(fulfil)
  })
  stop.mockImplementation(() => Promise.reject(new Error('stuck')))
  void supervise(() => Promise.resolve(daemon), outside)
  await Promise.resolve()
  await Promise.resolve()
  outside.signals.emit('SIGTERM', 'SIGTERM')
  expect(await exited).toBe(1)
  expect(outside.complain).toHaveBeenCalledWith('stopping failed: Error: stuck')
  const failing = supervise(() => Promise.reject(new Error('no port')), fakeProcess())
  await expect(failing).rejects.toThrow('no port')
})
