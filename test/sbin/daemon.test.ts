/** B8, B11, E10, E11: one daemon by sbin/spark-daemon.sh. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { commandLine, Installation, isAlive, MASTER, said, WORKER } from './installation.js'

let here: Installation
beforeEach(() => {
  here = new Installation()
})
afterEach(() => here.remove())

const daemon = (...args: string[]) => here.run('sbin/spark-daemon.sh', args)

function recordPid(text: string): void {
  mkdirSync(here.pids, { recursive: true })
  writeFileSync(here.pidFile(MASTER), text)
}

describe('start', () => {
  test('says where it logs, records the process, and that process is the daemon', () => {
    const { status, output } = daemon('start', MASTER, '1', '--port', '7077')
    expect(output).toBe(`starting ${MASTER}, logging to ${here.logFile(MASTER)}\n`)
    expect(status).toBe(0)
    expect(commandLine(here.pid(MASTER) ?? 0)).toContain(`${MASTER} --port 7077`)
    expect(here.log(MASTER)).toContain(`args: ${MASTER} --port 7077`)
  })

  test('is refused while it runs', () => {
    daemon('start', MASTER, '1')
    const pid = here.pid(MASTER)
    const { status, output } = daemon('start', MASTER, '1')
    expect(output).toBe(`${MASTER} running as process ${pid}.  Stop it first.\n`)
    expect(status).toBe(1)
    expect(here.pid(MASTER)).toBe(pid)
  })

  test.each([
    ['of a process that is gone', () => '99999999'],
    ['of another program (B11)', () => String(process.pid)],
    ['of garbage', () => 'what; is this'],
  ])('goes on over a pid file %s', (_name, content) => {
    recordPid(content())
    expect(daemon('start', MASTER, '1').status).toBe(0)
    expect(commandLine(here.pid(MASTER) ?? 0)).toContain(MASTER)
  })

  test('a daemon that dies shows its last words, and ends with 1', () => {
    const env = { FAKE_DIES: '1' }
    const { status, output } = here.run('sbin/spark-daemon.sh', ['start', MASTER, '1'], env)
    expect(status).toBe(1)
    expect(output).toContain('failed to launch: ')
    expect(output).toContain('  last words\n')
    expect(output).toContain(`full log in ${here.logFile(MASTER)}`)
    expect(here.pid(MASTER)).toBeNull()
  })
})

describe('B8, B11: what is told of a start', () => {
  test('a worker that is up, and is then refused at once, has failed', () => {
    here.program(
      'bin/spark-class',
      '#!/bin/bash\necho ready >"$MAGNETO_READY_FILE"\nsleep 0.2\necho "no such master"\nexit 1\n',
    )
    const { status, output } = daemon('start', WORKER, '1')
    expect(status).toBe(1)
    expect(output).toContain('  no such master\n')
    expect(here.pid(WORKER)).toBeNull()
  })

  test('one that takes long to come up, and fails then, has failed', () => {
    here.program('bin/spark-class', '#!/bin/bash\nsleep 3\necho "too slow"\nexit 1\n')
    const { status, output } = daemon('start', MASTER, '1')
    expect(status).toBe(1)
    expect(output).toContain('  too slow\n')
  })
})

describe('files and surroundings of a start', () => {
  test('the last logs are kept and renamed', () => {
    mkdirSync(here.logs)
    const log = here.logFile(MASTER)
    writeFileSync(log, 'newest')
    for (const number of [1, 2, 3]) writeFileSync(`${log}.${number}`, `old ${number}`)
    const env = { SPARK_LOG_MAX_FILES: '3' }
    expect(here.run('sbin/spark-daemon.sh', ['start', MASTER, '1'], env).status).toBe(0)
    expect(readFileSync(log, 'utf8')).toContain('args: ')
    expect(readFileSync(`${log}.1`, 'utf8')).toBe('newest')
    expect(readFileSync(`${log}.2`, 'utf8')).toBe('old 1')
    expect(readFileSync(`${log}.3`, 'utf8')).toBe('old 2')
    expect(existsSync(`${log}.4`)).toBe(false)
  })

  test.each(['0', 'many'])('SPARK_LOG_MAX_FILES=%s is refused', (value) => {
    const env = { SPARK_LOG_MAX_FILES: value }
    const { status, output } = here.run('sbin/spark-daemon.sh', ['start', MASTER, '1'], env)
    expect(status).toBe(1)
    expect(output).toContain(`SPARK_LOG_MAX_FILES: "${value}"`)
    expect(here.pid(MASTER)).toBeNull()
  })

  test('E11: SPARK_NICENESS is its priority', () => {
    const env = { SPARK_NICENESS: '7' }
    expect(here.run('sbin/spark-daemon.sh', ['start', MASTER, '1'], env).status).toBe(0)
    const stat = readFileSync(`/proc/${here.pid(MASTER)}/stat`, 'utf8')
    expect(stat.replace(/^.*\) /, '').split(' ')[16]).toBe('7')
  })

  test('E11: SPARK_NICENESS=low is refused', () => {
    const env = { SPARK_NICENESS: 'low' }
    const { status, output } = here.run('sbin/spark-daemon.sh', ['start', MASTER, '1'], env)
    expect(status).toBe(1)
    expect(output).toBe(
      'spark-daemon.sh: bad value for SPARK_NICENESS: "low" is not a whole number\n',
    )
    expect(here.pid(MASTER)).toBeNull()
  })

  test('E10, E11: the variables name the files', () => {
    const env = { SPARK_LOG_DIR: join(here.home, 'l'), SPARK_IDENT_STRING: 'me' }
    here.run('sbin/spark-daemon.sh', ['start', MASTER, '7'], env)
    expect(existsSync(join(here.home, 'l', `spark-me-${MASTER}-7-box.out`))).toBe(true)
    expect(existsSync(join(here.pids, `spark-me-${MASTER}-7.pid`))).toBe(true)
  })

  test('the terminal can not interrupt it: it leads a process group of its own', () => {
    daemon('start', MASTER, '1')
    const pid = here.pid(MASTER) ?? 0
    expect(() => process.kill(-pid, 0)).not.toThrow()
  })

  test('E14: SPARK_MASTER is copied from first, unless it is a URL', () => {
    here.program('path/rsync', '#!/bin/sh\necho "fake rsync: $*"\nexit 0\n')
    const start = (value: string) =>
      here.run('sbin/spark-daemon.sh', ['start', MASTER, '1'], { SPARK_MASTER: value }).output
    expect(start('spark://m:7077')).not.toContain('rsync')
    daemon('stop', MASTER, '1')
    const output = start('m:/opt/magneto')
    expect(output).toContain('rsync from m:/opt/magneto\n')
    expect(output).toMatch(/fake rsync: .* m:\/opt\/magneto\/ /)
    // What belongs to this host is not deleted with what the other one lacks.
    for (const folder of ['/logs/*', '/work/*', '/pids']) {
      expect(output).toContain(`--exclude=${folder} `)
    }
  })
})

describe('status', () => {
  test('0 running, 2 not running', () => {
    expect(daemon('status', MASTER, '1')).toEqual({ status: 2, output: `${MASTER} not running.\n` })
    daemon('start', MASTER, '1')
    expect(daemon('status', MASTER, '1')).toEqual({ status: 0, output: `${MASTER} is running.\n` })
  })

  test('1 with a stale pid file', () => {
    recordPid('99999999')
    expect(daemon('status', MASTER, '1')).toEqual({
      status: 1,
      output: `${here.pidFile(MASTER)} file is present but ${MASTER} not running\n`,
    })
  })
})

describe('stop', () => {
  test('ends the process and removes its pid file', () => {
    daemon('start', MASTER, '1')
    const pid = here.pid(MASTER) ?? 0
    expect(daemon('stop', MASTER, '1')).toEqual({ status: 0, output: `stopping ${MASTER}\n` })
    expect(isAlive(pid)).toBe(false)
    expect(here.pid(MASTER)).toBeNull()
  })

  test('says so when there is nothing to stop', () => {
    const nothing = { status: 0, output: `no ${MASTER} to stop\n` }
    expect(daemon('stop', MASTER, '1')).toEqual(nothing)
    recordPid(String(process.pid))
    expect(daemon('stop', MASTER, '1')).toEqual(nothing)
    expect(isAlive(process.pid)).toBe(true)
    expect(here.pid(MASTER)).toBeNull()
  })
})

describe('E11: SPARK_NO_DAEMONIZE', () => {
  test('becomes the daemon, writes neither pid file nor log', async () => {
    const env = { SPARK_NO_DAEMONIZE: '' }
    const child = here.spawn('sbin/start-master.sh', ['--port', '1234'], env)
    const exited = once(child, 'exit')
    await said(child, `args: ${MASTER}`)
    expect(commandLine(child.pid ?? 0)).toMatch(/bin\/spark-class .*Master .*--port 1234/)
    expect(existsSync(here.pids)).toBe(false)
    expect(existsSync(here.logs)).toBe(false)
    child.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })
})

test.each([
  [[]],
  [['start', MASTER]],
  [['frobnicate', MASTER, '1']],
  [['--config', '/none', 'start', MASTER, '1']],
  [['start', MASTER, 'one']],
])('%j is refused', (args) => {
  const { status, output } = daemon(...args)
  expect(status).toBe(1)
  expect(output).toMatch(/Usage: spark-daemon\.sh|spark-daemon\.sh: /)
})

test('--config and spark-env.sh: its variables reach the daemon', () => {
  here.conf('spark-env.sh', `SPARK_IDENT_STRING=other\nexport SPARK_PID_DIR="${here.home}/p"\n`)
  const args = ['--config', join(here.home, 'conf'), 'start', MASTER, '1']
  expect(daemon(...args).status).toBe(0)
  expect(existsSync(join(here.home, 'p', `spark-other-${MASTER}-1.pid`))).toBe(true)
  expect(daemon('stop', MASTER, '1').output).toBe(`stopping ${MASTER}\n`)
})
