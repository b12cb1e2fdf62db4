/** What may go wrong around executors, with real processes: whatever it is, nothing of them is left behind. */
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { FaultHost, until } from './fault-host.js'

let host: FaultHost

beforeEach(async () => {
  host = await FaultHost.start()
})
afterEach(() => host.remove())

/** Leaves its group by setsid, and once more by a parent that ends; both say so in files. */
const ESCAPING = `
  setsid sh -c 'echo $$ > escaped; exec sleep 600' &
  (setsid sh -c 'sleep 600 & echo $$ > daemon; wait' &)
`

async function escaped(id: number): Promise<number[]> {
  return [Number(await host.written(id, 'escaped')), Number(await host.written(id, 'daemon'))]
}

describe('W11: the worker is killed', () => {
  test.each([
    'SIGTERM',
    'SIGINT',
    'SIGHUP',
    'SIGQUIT',
    'SIGKILL',
    'SIGSEGV',
    'SIGABRT',
    'SIGBUS',
    'SIGFPE',
    'SIGILL',
    'SIGALRM',
    'SIGUSR2',
    'SIGXCPU',
  ] as const)('by %s: executors end, deaf ones too, with all they have started', async (signal) => {
    host.launch(0, `${ESCAPING} exec sleep 600`)
    host.launch(1, `trap '' TERM; ${ESCAPING} sleep 600`)
    await Promise.all([host.started(0), host.started(1)])
    const pids = (await Promise.all([escaped(0), escaped(1)])).flat()
    // One that is just becoming its next program has no environment for a moment.
    await expect.poll(() => host.left()).toEqual(expect.arrayContaining(pids))
    await host.die(signal)
    await host.nothingLeft()
  })

  test('after its guardian was: the next guardian does the same', async () => {
    host.launch(0, `trap '' TERM; ${ESCAPING} sleep 600`)
    await host.started(0)
    await escaped(0)
    const first = await host.guardianPid()
    process.kill(first, 'SIGKILL')
    await until(async () => (await host.guardianPid()) !== first)
    await host.die('SIGKILL')
    await host.nothingLeft()
  })

  test('together with its guardian: executors get TERM from the kernel', async () => {
    host.launch(0, 'echo up; exec sleep 600')
    await host.started(0)
    await host.written(0, 'stdout')
    process.kill(await host.guardianPid(), 'SIGKILL')
    await host.die('SIGKILL')
    await host.nothingLeft()
  })
})

describe('W18, T8: an executor ends', () => {
  test.each([
    ['by itself', `${ESCAPING} while ! [ -s daemon ] || ! [ -s escaped ]; do :; done; exit 3`, 3],
    ['by kill', `${ESCAPING} exec sleep 600`, 143],
    ['by kill, deaf to TERM', `trap '' TERM; ${ESCAPING} while :; do sleep 600; done`, 137],
  ])('%s: what left its group is gone when its end is told', async (_, script, exitStatus) => {
    host.launch(0, script)
    await host.started(0)
    await escaped(0)
    if (exitStatus !== 3) host.kill(0)
    expect(await host.ended(0)).toMatchObject({ kind: 'exited', exitStatus })
    expect(host.left()).toEqual([])
  })

  test('others and what they have started stay', async () => {
    host.launch(0, `${ESCAPING} exec sleep 600`)
    host.launch(1, `${ESCAPING} exec sleep 600`)
    const [, kept] = await Promise.all([escaped(0), escaped(1)])
    host.kill(0)
    await host.ended(0)
    expect(host.left()).toEqual(expect.arrayContaining([await host.started(1), ...kept]))
    host.kill(1)
    await host.ended(1)
    expect(host.left()).toEqual([])
  })

  test('a daemon that forks on and on is caught', async () => {
    host.launch(
      0,
      `(setsid sh -c 'echo $$ > daemon; n=0; while [ $n -lt 300 ]; do n=$((n + 1)); (setsid sleep 600 &); done' &)
       while ! [ -s daemon ]; do :; done`,
    )
    expect(await host.ended(0)).toMatchObject({ exitStatus: 0 })
    expect(host.left()).toEqual([])
  })
})

describe('an executor that can not start fails with a reason, and leaves nothing', () => {
  test.each([
    ['a missing program', 'nowhere', () => {}, /there is no program .*nowhere\/bin\/java/],
    [
      'a program that is a folder',
      'folder',
      (home: string) => mkdirSync(join(home, 'bin', 'java'), { recursive: true }),
      /it is a folder, or may not be executed \(EACCES\)/,
    ],
    [
      'a program that may not be executed',
      'plain',
      (home: string) => {
        mkdirSync(join(home, 'bin'), { recursive: true })
        writeFileSync(join(home, 'bin', 'java'), '#!/bin/sh\n')
        chmodSync(join(home, 'bin', 'java'), 0o644)
      },
      /it is a folder, or may not be executed \(EACCES\)/,
    ],
  ])('E15: %s', async (_, name, make, message) => {
    const home = join(host.root, name)
    make(home)
    host.launch(0, 'exit 0', home)
    expect(await host.ended(0)).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(message) as string,
    })
    expect(host.left()).toEqual([])
  })

  test('W2: a disk that is full for its logs', async () => {
    const folder = join(host.root, 'work', 'app', '0')
    mkdirSync(folder, { recursive: true })
    symlinkSync('/dev/full', join(folder, 'stderr'))
    host.launch(0, 'exit 0')
    expect(await host.ended(0)).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/ENOSPC: no space left on device/) as string,
    })
    expect(host.left()).toEqual([])
  })

  test('W2: a disk that is full for what it writes is its own affair', async () => {
    const folder = join(host.root, 'work', 'app', '0')
    mkdirSync(folder, { recursive: true })
    symlinkSync('/dev/full', join(folder, 'stdout'))
    host.launch(0, 'echo lost 2> /dev/null; exit 4')
    expect(await host.ended(0)).toMatchObject({ kind: 'exited', exitStatus: 4 })
  })

  test('W2: a work folder that can not be written', async () => {
    mkdirSync(join(host.root, 'work'))
    // A mode would not stop root.
    writeFileSync(join(host.root, 'work', 'app'), '')
    host.launch(0, 'exit 0')
    expect(await host.ended(0)).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/(ENOTDIR|EEXIST).*work\/app/) as string,
    })
  })
})

/** Numbers from 0 to 1, the same for the same seed. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test.each([1, 2])(
  'W13, T8: 200 launched and killed at random leave no process, descriptor or folder (seed %i)',
  async (seed) => {
    const next = random(seed)
    const scripts = [
      'exit 0',
      'sleep 0.05; exit 5',
      'exec sleep 600',
      `trap '' TERM; sleep 600 & wait; sleep 600`,
      '(setsid sleep 600 &); exec sleep 600',
    ]
    // What every thread has open once it has launched something.
    host.launch(1000, 'exit 0')
    await host.ended(1000)
    const descriptors = host.descriptors()
    const children = host.children()
    const ids = Array.from({ length: 200 }, (_, id) => id)
    for (const id of ids) {
      const missing = next() < 0.05
      const script = scripts[Math.floor(next() * scripts.length)] ?? ''
      host.launch(id, script, missing ? '/nowhere' : undefined)
      if (next() < 0.3) host.kill(Math.floor(next() * (id + 1)))
    }
    for (const id of ids) host.kill(id)
    const ends = await Promise.all(ids.map((id) => host.ended(id)))
    expect(ends.filter(({ message }) => message.includes('left behind'))).toEqual([])
    expect(new Set(ends.map(({ kind }) => kind))).toEqual(new Set(['exited', 'failed']))
    expect(host.left()).toEqual([])
    expect(host.children()).toEqual(children)
    // A port that was closed may take a turn of the loop more.
    await until(() => host.descriptors() <= descriptors)
    await host.close()
    await host.nothingLeft()
    expect(readdirSync(join(host.root, 'scratch'))).toEqual([])
    // Logs stay until their application's folder is cleaned away; nothing else has been made.
    const folders = readdirSync(join(host.root, 'work', 'app'))
    expect(folders.filter((name) => !/^\d{1,4}$/.test(name))).toEqual(['.magneto-application'])
  },
  60_000,
)
