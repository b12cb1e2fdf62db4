/** The two ways of starting a child, by the addon and by a shell, through the same cases. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { createLogger } from '../../src/log/logger.js'
import type { ProcessPlan } from '../../src/worker/command-line.js'
import { Guardian } from '../../src/worker/guardian.js'
import { GuardianLines } from '../../src/worker/guardian-lines.js'
import { nativeSpawn } from '../../src/worker/launcher/native-spawn.js'
import type { StartChild } from '../../src/worker/launcher/start-child.js'
import { StartHold } from '../../src/worker/launcher/start-hold.js'
import { nativeStarter } from '../../src/worker/launcher/start-native.js'
import { startByShell } from '../../src/worker/launcher/start-shell.js'
import { startProcess, type StartOptions } from '../../src/worker/launcher/watched-process.js'

const log = createLogger('Test', { level: 'silent' })
const native = nativeSpawn()
const ways: [string, StartChild][] = [['a shell', startByShell]]
if (native !== null) ways.push(['the addon', nativeStarter(native)])

let root = ''
let guardian: Guardian
let lines: GuardianLines

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-start-'))
  guardian = await Guardian.start({ log, killTimeoutMs: 1000 })
  lines = new GuardianLines(guardian.fd)
})
afterEach(async () => {
  lines.close()
  await guardian.close()
  await rm(root, { recursive: true, force: true })
})

function options(changes: Partial<StartOptions> = {}): StartOptions {
  const usual = { header: 'header\n', killTimeoutMs: 1000, rolling: null, guardian: lines }
  return { directory: root, ...usual, ...changes }
}

function plan(command: string[], changes: Partial<ProcessPlan> = {}): ProcessPlan {
  const { PATH = '' } = process.env
  return { command, environment: { PATH }, stdin: 'ignore', ...changes }
}

function script(text: string, changes: Partial<ProcessPlan> = {}): ProcessPlan {
  return plan(['/bin/sh', '-c', text], changes)
}

const written = (name: string) => readFile(join(root, name), 'utf8')

async function appears(name: string): Promise<string> {
  for (;;) {
    const text = await written(name).catch(() => '')
    if (text !== '') return text
    await new Promise((again) => setTimeout(again, 5))
  }
}

test('on Linux the addon is there: what follows runs both ways', () => {
  expect(native !== null).toBe(process.platform === 'linux')
})

describe.each(ways)('by %s', (_, start) => {
  const run = async (given: ProcessPlan, changes: Partial<StartOptions> = {}) => {
    const child = await startProcess(given, options(changes), start)
    return { child, ...(await child.ended) }
  }

  test('W2, E18: in its folder, with its arguments and variables, logs in files', async () => {
    const given = plan(['/bin/sh', '-c', 'pwd; echo "$@"; echo oh >&2; exit 7', 'sh', 'é "x'])
    const { exitStatus, orphaned } = await run(given)
    expect({ exitStatus, orphaned }).toEqual({ exitStatus: 7, orphaned: false })
    expect(await written('stdout')).toBe(`${root}\né "x\n`)
    expect(await written('stderr')).toBe('header\noh\n')
    const environment = { PATH: process.env['PATH'] ?? '', GIVEN: 'a b\n"c" $d', 'odd-name': 'x' }
    await run(plan(['printenv', 'GIVEN', 'odd-name'], { environment }))
    expect(await written('stdout')).toBe('a b\n"c" $d\nx\n')
  })

  test('its end by a signal is 128 and the number', async () => {
    expect((await run(script('kill -s SEGV $$'))).exitStatus).toBe(139)
    expect((await run(script('kill -s KILL $$'))).exitStatus).toBe(137)
  })

  test('no stdin, or one that stays open', async () => {
    expect((await run(script('read line; exit $?'))).exitStatus).toBe(1)
    const child = await startProcess(
      script('echo up; read line; exit 5', { stdin: 'pipe' }),
      options(),
      start,
    )
    await appears('stdout')
    child.kill()
    expect((await child.ended).exitStatus).toBe(143)
  })

  test('a session of its own, every signal at its default, no descriptor but three', async () => {
    // The last by exec: a shell blocks signals for a moment whenever it starts something.
    const text = `cut -d ' ' -f 1,5,6 /proc/$$/stat
      for fd in 3 4 5 6 7 8 9; do readlink /proc/$$/fd/$fd; done
      exec grep -E 'Sig(Blk|Ign)' /proc/self/status`
    const { child } = await run(script(text))
    const none = '0000000000000000'
    const signals = `SigBlk:\t${none}\nSigIgn:\t${none}\n`
    expect(await written('stdout')).toBe(`${`${child.pid} `.repeat(3).trim()}\n${signals}`)
  })

  test('a program from the PATH that it is given, also a relative one, or by its own path', async () => {
    mkdirSync(join(root, 'bin'))
    writeFileSync(join(root, 'bin', 'mine'), '#!/bin/sh\nexit 6\n', { mode: 0o755 })
    const environment = { PATH: `/nowhere:${root}/bin` }
    expect((await run(plan(['mine'], { environment }))).exitStatus).toBe(6)
    expect((await run(plan(['mine'], { environment: { PATH: 'bin' } }))).exitStatus).toBe(6)
    expect((await run(plan(['bin/mine']))).exitStatus).toBe(6)
    expect((await run(plan(['true'], { environment: {} }))).exitStatus).toBe(0)
  })

  test('a script that names no interpreter', async () => {
    writeFileSync(join(root, 'mine'), 'exit "$1"\n', { mode: 0o755 })
    expect((await run(plan([join(root, 'mine'), '9']))).exitStatus).toBe(9)
  })

  test.each([
    ['ENOENT', 'no-such-program', () => {}],
    ['ENOENT', './missing', () => {}],
    ['EACCES', './folder', () => mkdirSync(join(root, 'folder'))],
    [
      'EACCES',
      './plain',
      () => {
        writeFileSync(join(root, 'plain'), '')
        chmodSync(join(root, 'plain'), 0o644)
      },
    ],
    // What is found but can't be run counts more than what is not found.
    ['EACCES', 'folder', () => mkdirSync(join(root, 'folder'))],
  ])('%s for %s, as from spawn', async (code, program, make) => {
    make()
    const environment = { PATH: `${root}:/nowhere` }
    await expect(run(plan([program], { environment }))).rejects.toMatchObject({
      code,
      path: program,
      syscall: `spawn ${program}`,
    })
  })

  test('the time of its exec lies between call and return', async () => {
    const now = () => performance.timeOrigin + performance.now()
    const before = now()
    const { child } = await run(script('exit 0'))
    expect(child.execMs).toBeGreaterThanOrEqual(before)
    expect(child.execMs).toBeLessThanOrEqual(now())
  })

  test('T8: kill is TERM, then KILL', async () => {
    const deaf = script(`trap '' TERM; echo up; while :; do sleep 600; done`)
    const child = await startProcess(deaf, options({ killTimeoutMs: 50 }), start)
    await appears('stdout')
    child.kill()
    expect(await child.ended).toEqual({ exitStatus: 137, orphaned: false })
  })

  test('rolled logs come through this thread', async () => {
    const rolling = {
      policy: { by: 'size', maxBytes: 100_000 },
      maxRetainedFiles: 1,
      compress: false,
    } as const
    await run(script('echo out; echo oh >&2'), { rolling })
    expect(await written('stdout')).toBe('out\n')
    expect(await written('stderr')).toBe('header\noh\n')
  })
})

describe.runIf(native !== null)('by the addon', () => {
  const start = nativeStarter(native!)

  /** As full as the guardian's pipe can be, while it does not read. */
  function fill(): void {
    process.kill(guardian.pid ?? 0, 'SIGSTOP')
    for (;;) {
      try {
        writeSync(guardian.fd, '-999999999\n')
      } catch {
        return
      }
    }
  }

  test('W11: a guardian that does not read holds a start back, until it does', async () => {
    fill()
    const held = startProcess(script('exit 3'), options(), start)
    // Others are not held up by it meanwhile: this thread is free.
    const turns = await new Promise((next) => setTimeout(next, 0, 'free'))
    expect(turns).toBe('free')
    process.kill(guardian.pid ?? 0, 'SIGCONT')
    expect((await (await held).ended).exitStatus).toBe(3)
  })

  test('W11: one that is killed while it is held back never starts', async () => {
    fill()
    const cancel = new AbortController()
    const held = startProcess(script('echo up'), options({ cancel: cancel.signal }), start)
    cancel.abort()
    await expect(held).rejects.toThrow(/aborted/)
    expect(await written('stdout')).toBe('')
    process.kill(guardian.pid ?? 0, 'SIGCONT')
  })

  test('a folder that is gone is to blame itself, not the program', async () => {
    const directory = join(root, 'gone')
    mkdirSync(directory)
    const made = start({
      plan: script('exit 0'),
      directory: join(root, 'missing'),
      stdout: 1,
      stderr: 2,
      guardian: lines,
      onExit: () => {},
    })
    await expect(made).rejects.toMatchObject({ code: 'ENOENT', syscall: 'chdir' })
  })

  test('a NUL is refused: nothing is cut off silently', async () => {
    await expect(startProcess(plan(['/bin/echo', 'a\0b']), options(), start)).rejects.toThrow(/NUL/)
  })

  test('many that are held start to run when no more are to come', async () => {
    let toCome = 20
    const more = () => toCome > 0
    const all = Array.from({ length: 20 }, async (_, index) => {
      const directory = join(root, String(index))
      mkdirSync(directory)
      toCome -= 1
      return startProcess(script('exit 4'), options({ directory, more }), start)
    })
    for (const child of await Promise.all(all)) expect((await child.ended).exitStatus).toBe(4)
  })
})

test('T8: one that takes its time to go after KILL has not outlived it', async () => {
  // Above what any process has.
  const pid = 2 ** 22 + 1
  const slow: StartChild = (request) => ({
    pid,
    execMs: 0,
    stdout: null,
    stderr: null,
    signal(name) {
      if (name === 'SIGKILL') setTimeout(() => request.onExit(pid, null, name), 200)
    },
  })
  const child = await startProcess(script(''), options({ killTimeoutMs: 10 }), slow)
  child.kill()
  expect(await child.ended).toEqual({ exitStatus: 137, orphaned: false })
})

describe('the hold', () => {
  // Whether starts belong together is told by milliseconds, which a busy machine has between any two lines.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  /** What it does to a child, in order. */
  class Told {
    readonly signals: string[] = []
    signal(name: string): void {
      this.signals.push(name)
    }
  }

  test('lets one go that comes alone', () => {
    const child = new Told()
    const hold = new StartHold()
    expect(hold.expects(() => false)).toBe(false)
    hold.started(child, () => false, false)
    expect(child.signals).toEqual([])
  })

  test('holds those that come together until the last has come, and then lets all go', () => {
    const hold = new StartHold()
    const children = [new Told(), new Told(), new Told()]
    for (const [index, child] of children.entries()) hold.started(child, () => index < 2, false)
    for (const { signals } of children) expect(signals).toEqual(['SIGSTOP'])
    while (children.some(({ signals }) => signals.length < 2)) vi.advanceTimersByTime(1)
    for (const { signals } of children) expect(signals).toEqual(['SIGSTOP', 'SIGCONT'])
  })

  test('knows before a start whether it comes alone', () => {
    const hold = new StartHold()
    expect(hold.expects(() => true)).toBe(true)
    const first = new Told()
    hold.started(first, () => true, true)
    // The one that is the last of many is not alone.
    expect(hold.expects(() => false)).toBe(true)
    // Stopped at its exec already.
    expect(first.signals).toEqual([])
  })

  test('lets go after a while, whatever is still to come', () => {
    const child = new Told()
    new StartHold().started(child, () => true, false)
    expect(child.signals).toEqual(['SIGSTOP'])
    while (child.signals.length < 2) vi.advanceTimersByTime(5)
    expect(child.signals).toEqual(['SIGSTOP', 'SIGCONT'])
  })
})

test('what is inherited tells one launch from all others', async () => {
  const seen: string[] = []
  for (const [, start] of ways) {
    const child = await startProcess(script('printenv MAGNETO_LAUNCH'), options(), start)
    await child.ended
    seen.push(readFileSync(join(root, 'stdout'), 'utf8'))
  }
  expect(new Set(seen).size).toBe(ways.length)
  for (const value of seen) expect(value).toMatch(new RegExp(`^${lines.nonce}/\\d+-\\d+\\n$`))
})
