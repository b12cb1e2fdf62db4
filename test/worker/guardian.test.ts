/** W11: what a worker's guardian does with real processes; the worker's own part is in fate.test.ts. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { createLogger } from '../../src/log/logger.js'
import { Guardian, GUARDIAN_SCRIPT } from '../../src/worker/guardian.js'
import { GuardianLines } from '../../src/worker/guardian-lines.js'

const log = createLogger('Test', { level: 'silent' })
let guardian: Guardian
let lines: GuardianLines
const started: ChildProcess[] = []

beforeEach(async () => {
  guardian = await Guardian.start({ log, killTimeoutMs: 1000 })
  lines = new GuardianLines(guardian.fd)
})
afterEach(async () => {
  lines.close()
  await guardian.close()
  for (const child of started.splice(0)) child.kill('SIGKILL')
})

/** A process in a group of its own, as executors are; it has said that it is up. */
async function executor(
  script = 'echo up; exec sleep 600',
): Promise<ChildProcess & { pid: number }> {
  const child = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  started.push(child)
  await once(child.stdout, 'data')
  return child as ChildProcess & { pid: number }
}

async function endOf(child: ChildProcess): Promise<NodeJS.Signals | number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.signalCode ?? child.exitCode
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((again) => setTimeout(again, 5))
}

function isThere(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

function isDeafTo(pid: number, signal: number): boolean {
  const [, mask = '0'] = /^SigIgn:\t(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return (BigInt(`0x${mask}`) & (1n << BigInt(signal - 1))) !== 0n
}

describe('at the end of its worker', () => {
  test('ends who runs, leaves alone who has ended or was never named, and goes', async () => {
    const [runs, ended, never] = await Promise.all([executor(), executor(), executor()])
    lines.started(runs.pid)
    lines.started(ended.pid)
    lines.ended(ended.pid)
    const pid = guardian.pid ?? 0
    await guardian.close()
    expect(await endOf(runs)).toBe('SIGTERM')
    expect([isThere(ended.pid), isThere(never.pid)]).toEqual([true, true])
    // On a busy machine it may stay a moment longer than it is waited for.
    await until(() => !isThere(pid))
  })

  test('T8: KILL for those that ignore TERM, and for all they started', async () => {
    const deaf = await executor("trap '' TERM; sleep 600 & echo up; wait")
    const child = Number(readFileSync(`/proc/${deaf.pid}/task/${deaf.pid}/children`, 'utf8'))
    expect(isThere(child)).toBe(true)
    lines.started(deaf.pid)
    await guardian.close()
    expect(await endOf(deaf)).toBe('SIGKILL')
    await until(() => !isThere(child))
  })

  test('ends many at once', async () => {
    const many = await Promise.all(Array.from({ length: 40 }, () => executor()))
    for (const { pid } of many) lines.started(pid)
    await guardian.close()
    expect(new Set(await Promise.all(many.map(endOf)))).toEqual(new Set(['SIGTERM']))
  })
})

describe('while its worker lives', () => {
  test('is deaf to what stops daemons', async () => {
    const child = await executor()
    lines.started(child.pid)
    const pid = guardian.pid ?? 0
    // The last that the script names.
    await until(() => isDeafTo(pid, constants.signals.SIGTSTP))
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
      process.kill(pid, signal)
    }
    await guardian.close()
    expect(await endOf(child)).toBe('SIGTERM')
  })

  test('is in a session of its own', () => {
    const session = (pid: number): string =>
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3] ?? ''
    expect(session(guardian.pid ?? 0)).toBe(String(guardian.pid))
    expect(session(process.pid)).not.toBe(String(guardian.pid))
  })

  test('is followed by another when it is killed, which knows who runs', async () => {
    const [before, after, ended] = await Promise.all([executor(), executor(), executor()])
    for (const { pid } of [before, ended]) {
      lines.started(pid)
      guardian.started(pid)
    }
    const first = guardian.pid ?? 0
    process.kill(first, 'SIGKILL')
    await until(() => guardian.pid !== first)
    lines.started(after.pid)
    guardian.started(after.pid)
    lines.ended(ended.pid)
    guardian.ended(ended.pid, true)
    await guardian.close()
    expect([await endOf(before), await endOf(after)]).toEqual(['SIGTERM', 'SIGTERM'])
    expect(isThere(ended.pid)).toBe(true)
  })

  test('is told by the main thread when the thread that should have is gone', async () => {
    const child = await executor()
    lines.started(child.pid)
    guardian.started(child.pid)
    guardian.ended(child.pid, false)
    await guardian.close()
    expect(isThere(child.pid)).toBe(true)
  })

  test('hears everything late when it does not read for a while', async () => {
    const child = await executor()
    const pid = guardian.pid ?? 0
    process.kill(pid, 'SIGSTOP')
    // No such group can be: process ids end far below.
    for (let number = 0; number < 10_000; number += 1) {
      lines.started(999_999_999)
      lines.ended(999_999_999)
    }
    lines.started(child.pid)
    expect(lines.owed).toBeGreaterThan(0)
    process.kill(pid, 'SIGCONT')
    await until(() => lines.owed === 0)
    await guardian.close()
    expect(await endOf(child)).toBe('SIGTERM')
  })
})

describe('the script, with kill replaced', () => {
  const signalled = (input: string): string[] => {
    const script = `kill() { echo "$*"; }\n${GUARDIAN_SCRIPT}`
    const done = spawnSync('/bin/sh', ['-c', script, 'x', '0'], { input, encoding: 'utf8' })
    return [...done.stdout.matchAll(/^-s TERM -- -(.*)$/gm)].map(([, group]) => group ?? '')
  }

  test.each([
    ['0 and 1, which would mean everybody', '+0\n+1\n+00\n+01\n', ''],
    ['what is no number', '+\n+x\n+-5\n+5 6\n+*\n5\n\n', ''],
    ['the rest of a line that was cut', '+5\n+67', '5'],
    ['one twice', '+5\n+5\n+6\n', '5 6'],
    ['one that is the start of another', '+5\n+55\n+555\n-55\n', '5 555'],
    ['the end of who never started', '+5\n-6\n', '5'],
    ['first, middle and last of three', '+5\n+6\n+7\n-5\n-7\n', '6'],
    ['a number that comes again', '+5\n-5\n+6\n+5\n', '6 5'],
  ])('%s', (_, input, groups) => {
    expect(signalled(input).join(' ')).toBe(groups)
  })

  test('keeps no more than the list', () => {
    // What it has asked for, to the page; what of it and of its files is in memory is up to the system.
    const size = 'sed -n s/VmData://p /proc/$$/status'
    const script = GUARDIAN_SCRIPT.replace('done\nfor', () => `done\n${size}\nfor`)
    const dataKib = (rounds: number): number => {
      const input = Array.from({ length: rounds }, (_, n) => `+${n + 2}\n-${n + 2}\n`).join('')
      const done = spawnSync('/bin/sh', ['-c', script, 'x', '0'], { input, encoding: 'utf8' })
      return Number.parseInt(done.stdout, 10)
    }
    expect(dataKib(10)).toBeGreaterThan(0)
    expect(dataKib(50_000) - dataKib(10)).toBeLessThan(256)
  })
})
