/** B1 to B6: the scripts that people call. */
import { existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { Installation, isAlive, MASTER, root, WORKER } from './installation.js'

let here: Installation
beforeEach(() => {
  here = new Installation()
})
afterEach(() => here.remove())

describe('B1: start-master.sh', () => {
  test('passes host and ports of the environment, then what the user says', () => {
    const env = { SPARK_MASTER_HOST: 'h', SPARK_MASTER_PORT: '1', SPARK_MASTER_WEBUI_PORT: '2' }
    expect(here.run('sbin/start-master.sh', ['--port', '3'], env).status).toBe(0)
    expect(here.log(MASTER)).toContain(
      `args: ${MASTER} --host h --port 1 --webui-port 2 --port 3\n`,
    )
    expect(here.run('sbin/stop-master.sh').output).toBe(`stopping ${MASTER}\n`)
  })

  test('works through a symbolic link, with the defaults', () => {
    const link = join(here.path, 'start-it')
    symlinkSync(join(here.home, 'sbin', 'start-master.sh'), link)
    expect(here.run('path/start-it').status).toBe(0)
    expect(here.log(MASTER)).toContain('--host m --port 7077 --webui-port 8080\n')
  })

  test.each(['--help', '-h'])('%s asks the master for its options', (flag) => {
    here.program('bin/spark-class', '#!/bin/sh\necho "class: $*" >&2\n')
    expect(here.run('sbin/start-master.sh', [flag])).toEqual({
      status: 0,
      output: `Usage: ./sbin/start-master.sh [options]\nclass: ${MASTER} --help\n`,
    })
  })
})

describe('B2: start-worker.sh', () => {
  test('without arguments: usage, and 1', () => {
    here.program('bin/spark-class', '#!/bin/sh\necho "class: $*" >&2\n')
    const { status, output } = here.run('sbin/start-worker.sh')
    expect(status).toBe(1)
    expect(output).toContain('Usage: ./sbin/start-worker.sh <master> [options]\n')
  })

  test('one worker by default, its port left to chance', () => {
    here.run('sbin/start-worker.sh', ['spark://m:7077', '-c', '2'])
    expect(here.log(WORKER)).toContain(`args: ${WORKER} --webui-port 8081 spark://m:7077 -c 2\n`)
    expect(here.run('sbin/stop-worker.sh').output).toBe(`stopping ${WORKER}\n`)
  })

  test('E5: several instances count their ports up, and all are stopped', () => {
    const env = {
      SPARK_WORKER_INSTANCES: '2',
      SPARK_WORKER_PORT: '5000',
      SPARK_WORKER_WEBUI_PORT: '6000',
    }
    expect(here.run('sbin/start-worker.sh', ['spark://m:7077'], env).status).toBe(0)
    expect(here.log(WORKER, 1)).toContain('--webui-port 6000 --port 5000 spark://m:7077\n')
    expect(here.log(WORKER, 2)).toContain('--webui-port 6001 --port 5001 spark://m:7077\n')
    const pids = [here.pid(WORKER, 1), here.pid(WORKER, 2)]
    expect(here.run('sbin/stop-worker.sh', [], env).status).toBe(0)
    expect(pids.map((pid) => isAlive(pid ?? 0))).toEqual([false, false])
  })

  test('any free port stays so for every instance', () => {
    const env = {
      SPARK_WORKER_INSTANCES: '2',
      SPARK_WORKER_PORT: '0',
      SPARK_WORKER_WEBUI_PORT: '0',
    }
    here.run('sbin/start-worker.sh', ['spark://m:7077'], env)
    expect(here.log(WORKER, 2)).toContain('--webui-port 0 --port 0 spark://m:7077\n')
  })

  test.each([
    [{ SPARK_WORKER_INSTANCES: 'two' }, 'SPARK_WORKER_INSTANCES: "two"'],
    [{ SPARK_WORKER_PORT: 'x' }, 'SPARK_WORKER_PORT: "x"'],
    [{ SPARK_WORKER_INSTANCES: '2', SPARK_NO_DAEMONIZE: '1' }, 'SPARK_NO_DAEMONIZE runs one'],
  ])('%j is refused', (env, message) => {
    const { status, output } = here.run('sbin/start-worker.sh', ['spark://m:7077'], env)
    expect(status).toBe(1)
    expect(output).toContain(message)
  })

  test('a worker that fails makes the script fail', () => {
    const { status } = here.run('sbin/start-worker.sh', ['spark://m:1'], { FAKE_DIES: '1' })
    expect(status).toBe(1)
  })
})

describe('B4, B6: start-all.sh and stop-all.sh', () => {
  test('without a list: a master and a worker here, without ssh', () => {
    here.program('path/ssh', '#!/bin/sh\necho "ssh was used"\nexit 255\n')
    const { status, output } = here.run('sbin/start-all.sh')
    expect(status).toBe(0)
    expect(output).toContain(`starting ${MASTER}, `)
    expect(output).toContain(`localhost: starting ${WORKER}, `)
    expect(here.log(WORKER)).toContain(' spark://m:7077\n')
    const pids = [here.pid(MASTER), here.pid(WORKER)]
    const stopped = here.run('sbin/stop-all.sh', ['--wait'])
    expect(stopped).toEqual({
      status: 0,
      output: `localhost: stopping ${WORKER}
localhost: stopped
1 host: 1 stopped
stopping ${MASTER}
Waiting for workers to shut down...
All workers successfully shut down.
`,
    })
    expect(pids.map((pid) => isAlive(pid ?? 0))).toEqual([false, false])
  })

  test('no worker is started when the master fails', () => {
    const { status, output } = here.run('sbin/start-all.sh', [], { FAKE_DIES: '1' })
    expect(status).toBe(1)
    expect(output).not.toContain(WORKER)
  })

  test('B4: beside a master that runs already, the workers are started', () => {
    here.run('sbin/start-master.sh')
    const { status, output } = here.run('sbin/start-all.sh')
    expect(status).toBe(0)
    expect(output).toMatch(/^.*Master is already running\nlocalhost: starting /)
    expect(output).toMatch(/\nlocalhost: started\n1 host: 1 started\n$/)
  })

  test.each([[['--now']], [['--wait', 'soon']], [['--wait', '1', '2']]])(
    '%j is refused',
    (args) => {
      const { status, output } = here.run('sbin/stop-all.sh', args)
      expect(status).toBe(1)
      expect(output).toMatch(/unknown option|bad value for --wait/)
    },
  )
})

test('B10: SPARK_HOME is never touched', () => {
  here.program('bin/spark-class', '#!/bin/sh\necho "home: $SPARK_HOME root: $MAGNETO_HOME"\n')
  const env = { SPARK_HOME: '/opt/spark', SPARK_NO_DAEMONIZE: '1', MAGNETO_HOME: '/elsewhere' }
  expect(here.run('sbin/start-master.sh', [], env).output).toBe(
    `home: /opt/spark root: ${here.home}\n`,
  )
  expect(readFileSync(join(here.home, 'sbin', 'spark-config.sh'), 'utf8')).not.toMatch(
    /SPARK_HOME=/,
  )
})

test("B12, B13: Spark's names of its cluster scripts, without those that are gone or of other daemons", () => {
  const scripts = readdirSync(join(root, 'sbin')).filter((name) => /^(start|stop)-/.test(name))
  expect(scripts.toSorted()).toEqual(
    ['all', 'master', 'worker', 'workers']
      .flatMap((what) => [`start-${what}.sh`, `stop-${what}.sh`])
      .toSorted(),
  )
  expect(existsSync(join(root, 'sbin', 'slaves.sh'))).toBe(false)
})
