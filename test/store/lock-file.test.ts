import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreError } from '../../src/store/engine.js'
import { claimOn, LockFile, thisOwner, type Owner } from '../../src/store/lock-file.js'

let folder: string
let path: string
const children: ChildProcess[] = []
const locks: LockFile[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'magneto-lock-'))
  path = join(folder, 'lock')
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  for (const lock of locks.splice(0)) await lock.release()
  rmSync(folder, { recursive: true, force: true })
})

const quick = { beatMs: 20, deadAfterMs: 200 }

function lockAs(self?: Owner): LockFile {
  const lock = new LockFile(path, self === undefined ? quick : { ...quick, self })
  locks.push(lock)
  return lock
}

/** Another machine, or another container of this one. */
async function elsewhere(host: string): Promise<Owner> {
  return { ...(await thisOwner()), host, space: `another-kernel-${host} pid:[1]` }
}

async function contender(): Promise<{ child: ChildProcess; says: string }> {
  const file = join(import.meta.dirname, 'lock-contender.ts')
  const args = ['--import', 'tsx', file, path, '20', '200']
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const [says] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, says }
}

const ownerIn = () => JSON.parse(readFileSync(path, 'utf8')) as Owner

describe('the lock (H3, H13)', () => {
  test('of many processes that want it at once one gets it', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, contender))
    const held = all.filter(({ says }) => says === 'held')
    expect(held).toHaveLength(1)
    for (const { says } of all.filter((each) => each !== held[0]))
      expect(says).toMatch(new RegExp(`refused: .*is held by process ${held[0]!.child.pid} on`))
    held[0]!.child.stdin?.end()
    await once(held[0]!.child, 'exit')
    expect(readdirSync(folder)).toEqual([])
    expect((await contender()).says).toBe('held')
  })

  test('of many that find the lock of a killed process one gets it, at once', async () => {
    const first = await contender()
    expect(first.says).toBe('held')
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    const all = await Promise.all(Array.from({ length: 5 }, contender))
    expect(all.filter(({ says }) => says === 'held')).toHaveLength(1)
    expect(readdirSync(folder)).toEqual(['lock'])
  })

  test('of many that find a dead one in the same moment one gets it', async () => {
    const dead = { ...(await thisOwner()), pid: 2 ** 22 + 1 }
    for (let round = 0; round < 100; round += 1) {
      writeFileSync(path, JSON.stringify(dead))
      const all = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const lock = lockAs(await thisOwner())
          for (let turns = Math.random() * 20; turns > 0; turns -= 1) await turn()
          return lock.acquire().then(
            () => lock,
            () => null,
          )
        }),
      )
      const held = all.filter((lock) => lock !== null)
      expect(held, `round ${round}`).toHaveLength(1)
      expect(readdirSync(folder)).toEqual(['lock'])
      await held[0]!.release()
    }
  })

  test('one whose remover has died is taken all the same', async () => {
    const dead = JSON.stringify({ ...(await thisOwner()), pid: 2 ** 22 + 1 })
    writeFileSync(path, dead)
    writeFileSync(claimOn(path, dead), JSON.stringify({ ...(await thisOwner()), pid: 2 ** 22 + 2 }))
    await lockAs().acquire()
    expect(ownerIn().pid).toBe(process.pid)
    expect(readdirSync(folder)).toEqual(['lock'])
  })

  test('one of a process id that somebody else has now is dead', async () => {
    writeFileSync(path, JSON.stringify({ ...(await thisOwner()), started: '1' }))
    await lockAs().acquire()
    expect(ownerIn().pid).toBe(process.pid)
  })

  test('one of a process that has ended, and whose parent does not ask, is dead at once', async () => {
    // A program that starts one and never waits for it.
    const parent = spawn('sh', ['-c', 'sleep 1 & echo $!; exec sleep 60'])
    children.push(parent)
    const [pid] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
    const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8')
    await expect.poll(stat).toMatch(/\) Z /)
    const started = stat().slice(stat().lastIndexOf(')')).split(' ')[20]!
    writeFileSync(path, JSON.stringify({ ...(await thisOwner()), pid: Number(pid), started }))
    const never = new LockFile(path, { beatMs: 20, deadAfterMs: 10 * 60_000 })
    locks.push(never)
    await never.acquire()
    expect(ownerIn().pid).toBe(process.pid)
  })

  test('one of a process that the system hides is watched', async () => {
    const there = lockAs({ ...(await thisOwner()), started: '' })
    await there.acquire()
    await expect(lockAs().acquire()).rejects.toThrow(
      /is held by process \d+ on .*, which touches it/,
    )
    await there.release()
    writeFileSync(path, JSON.stringify({ ...(await thisOwner()), started: '' }))
    await lockAs().acquire()
  })

  test('one of an earlier release counts by its process', async () => {
    const { pid, host, started } = await thisOwner()
    writeFileSync(path, JSON.stringify({ pid, host, started }))
    await expect(lockAs().acquire()).rejects.toThrow(/is held by process/)
    writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, host, started }))
    await lockAs().acquire()
  })

  test('one of another machine counts while it is touched', async () => {
    const there = lockAs(await elsewhere('node-7'))
    await there.acquire()
    const here = lockAs()
    await expect(here.acquire()).rejects.toThrow(StoreError)
    await expect(here.acquire()).rejects.toThrow(
      /is held by process \d+ on node-7, which touches it/,
    )
    await there.release()
    await here.acquire()
  })

  test('one of an owner that stood still together with its watcher counts', async () => {
    writeFileSync(path, JSON.stringify(await elsewhere('node-7')))
    const refused = expect(lockAs().acquire()).rejects.toThrow(/which touches it/)
    await expect.poll(() => readdirSync(folder)).toHaveLength(2)
    const untilMs = performance.now() + 2 * quick.deadAfterMs
    while (performance.now() < untilMs);
    setTimeout(() => utimesSync(path, new Date(), new Date()), quick.beatMs / 2)
    await refused
  })

  test('one of another machine that is not touched any more is dead', async () => {
    writeFileSync(path, JSON.stringify(await elsewhere('node-7')))
    await lockAs().acquire()
    expect(ownerIn().pid).toBe(process.pid)
    expect(ownerIn().host).not.toBe('node-7')
  })

  test('a container that crashed leaves a lock that its next one takes, whatever its name', async () => {
    const before = await elsewhere('a1b2c3')
    writeFileSync(path, JSON.stringify({ ...before, pid: 1 }))
    await lockAs({ ...before, host: 'd4e5f6', space: 'the-same-kernel pid:[2]', pid: 1 }).acquire()
    expect(ownerIn().host).toBe('d4e5f6')
  })

  test.each([
    ['an hour ahead', 3_600_000],
    ['a year behind', -31_536_000_000],
  ])('a clock that is %s changes nothing', async (_what, skewMs) => {
    const there = await elsewhere('node-7')
    writeFileSync(path, JSON.stringify(there))
    const set = (ms: number) => utimesSync(path, new Date(ms), new Date(ms))
    set(Date.now() + skewMs)
    let beats = 0
    const beating = setInterval(() => set(Date.now() + skewMs + (beats += 1) * 20), 20)
    await expect(lockAs().acquire()).rejects.toThrow(/which touches it/)
    clearInterval(beating)
    await lockAs().acquire()
  })

  test('what can not be read as a lock is watched like one', async () => {
    writeFileSync(path, '{"pid": 1')
    await lockAs().acquire()
    expect(ownerIn().pid).toBe(process.pid)
  })

  test('its owner touches it, and makes it again when somebody deleted it', async () => {
    await lockAs().acquire()
    const touched = statSync(path).mtimeMs
    await expect.poll(() => statSync(path).mtimeMs).toBeGreaterThan(touched)
    rmSync(path)
    await expect.poll(() => ownerIn().pid).toBe(process.pid)
  })

  test('giving back takes away no lock of somebody else', async () => {
    const mine = lockAs()
    await mine.acquire()
    const other = JSON.stringify(await elsewhere('node-7'))
    writeFileSync(path, other)
    await mine.release()
    await mine.release()
    expect(readFileSync(path, 'utf8')).toBe(other)
  })

  test('a folder that can not be written is named', async () => {
    path = join(folder, 'missing/lock')
    await expect(lockAs().acquire()).rejects.toThrow(/can't take the lock .*missing\/lock/)
  })
})
