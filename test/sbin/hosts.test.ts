/** B3 to B7, B9, E13: many hosts, with a stand-in for ssh; real ones are in test/e2e/hosts.test.ts. */
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { Installation, isAlive, MASTER, said, WORKER } from './installation.js'

/** What we add to whatever the user says, while many hosts are reached at once. */
const LIMITS = '-o ConnectTimeout=10 -o ServerAliveInterval=15 -o ServerAliveCountMax=4'
const USUAL = `-o StrictHostKeyChecking=no ${LIMITS} -o BatchMode=yes`

/** Says how it was called. */
const ECHO = '#!/bin/sh\necho "ssh $*"\n'

/**
 * Runs the line here, as that host: daemons of each have pid files and logs of their own. `dead*` can't be reached,
 * `closed*` lets nobody in, `bare*` has no installation.
 */
const RUN = `#!/usr/bin/env bash
host="\${@: -2:1}" line="\${@: -1}"
case "$host" in
  dead*) echo "ssh: connect to host $host port 22: Connection timed out" >&2; exit 255 ;;
  closed*) echo "root@$host: Permission denied (publickey)." >&2; exit 255 ;;
  bare*) line="cd /nowhere/magneto && true" ;;
esac
HOSTNAME="$host" SPARK_PID_DIR="$SPARK_PID_DIR/$host" exec bash -c "$line"
`

let here: Installation
beforeEach(() => {
  here = new Installation()
  here.program('path/ssh', ECHO)
})
afterEach(() => here.remove())

const sorted = (output: string) => output.trim().split('\n').toSorted()

describe('B9, F3: the list of hosts', () => {
  test('every host of conf/workers, each line of output behind its name', () => {
    here.conf('workers', '# ours\nhost1\n  host2  # the second\n\n')
    const { status, output } = here.run('sbin/workers.sh', ['echo', 'two words', ';', 'true'])
    expect(sorted(output)).toEqual([
      `host1: ssh ${USUAL} host1 echo two\\ words ; true`,
      `host2: ssh ${USUAL} host2 echo two\\ words ; true`,
    ])
    expect(status).toBe(0)
  })

  test('it may come from Windows, have several hosts a line, and end without a newline', () => {
    here.conf('workers', '\ufeffhost1\r\n\r\nhost2 host3\t# two\r\n#none\r\nhost4')
    const { output } = here.run('sbin/workers.sh', ['true'])
    expect(sorted(output).map((line) => line.split(':')[0])).toEqual([
      'host1',
      'host2',
      'host3',
      'host4',
    ])
  })

  test.each([
    ['user@host1', `${USUAL} user@host1 true`],
    ['host1:2222', `-p 2222 ${USUAL} host1 true`],
    ['user@host1:2222', `-p 2222 ${USUAL} user@host1 true`],
    ['2001:db8::1', `${USUAL} 2001:db8::1 true`],
    ['[2001:db8::1]', `${USUAL} 2001:db8::1 true`],
    ['user@[2001:db8::1]:2222', `-p 2222 ${USUAL} user@2001:db8::1 true`],
    ['ssh://user@host1:2222', `${USUAL} ssh://user@host1:2222 true`],
  ])('%s', (entry, args) => {
    here.conf('workers', `${entry}\n`)
    expect(here.run('sbin/workers.sh', ['true']).output).toBe(`${entry}: ssh ${args}\n`)
  })

  test('a host that is there twice is used once', () => {
    here.conf('workers', 'host1\nhost2\nhost1\nhost1\n')
    const { status, output } = here.run('sbin/workers.sh', ['true'])
    expect(status).toBe(0)
    expect(output.match(/^host1: ssh/gm)).toHaveLength(1)
    expect(output.match(/conf\/workers has host1 more than once/g)).toHaveLength(1)
  })

  test('an option of ssh is not a host', () => {
    here.conf('workers', '-oProxyCommand=date\n')
    const { status, output } = here.run('sbin/workers.sh', ['true'])
    expect(status).toBe(1)
    expect(output).toMatch(/conf\/workers: "-oProxyCommand=date" is not a host\n$/)
  })

  test('without a host there is nothing to do, which is said', () => {
    here.conf('workers', '# none yet\n')
    const { status, output } = here.run('sbin/start-workers.sh')
    expect(status).toBe(0)
    expect(output).toMatch(/^start-workers\.sh: .*conf\/workers names no host\n$/)
  })

  test.each(['SPARK_WORKERS', 'SPARK_SLAVES'])('E13: %s names it', (name) => {
    here.conf('workers', 'other\n')
    here.conf('mine', 'host3\n')
    const { output } = here.run('sbin/workers.sh', ['true'], {
      [name]: join(here.home, 'conf', 'mine'),
    })
    expect(output).toMatch(/^host3: ssh /m)
    expect(output).not.toContain('other')
    expect(output.includes('SPARK_SLAVES is deprecated')).toBe(name === 'SPARK_SLAVES')
  })

  test.each(['SPARK_WORKERS', 'SPARK_SLAVES'])('%s of the caller beats spark-env.sh', (name) => {
    here.conf('theirs', 'host4\n')
    here.conf('mine', 'host3\n')
    here.conf('spark-env.sh', `SPARK_WORKERS="${here.home}/conf/theirs"\n`)
    const mine = { [name]: join(here.home, 'conf', 'mine') }
    expect(here.run('sbin/workers.sh', ['true'], mine).output).toMatch(/^host3: ssh /m)
    expect(here.run('sbin/workers.sh', ['true']).output).toMatch(/^host4: ssh /m)
  })

  test('conf/slaves is its old name', () => {
    here.conf('slaves', 'host4\n')
    expect(here.run('sbin/workers.sh', ['true']).output).toMatch(/^host4: /)
  })

  test('one that is missing is refused', () => {
    const { status, output } = here.run('sbin/workers.sh', ['true'], { SPARK_WORKERS: '/none' })
    expect(status).toBe(1)
    expect(output).toContain('"/none" is not a file')
  })

  test('this machine needs no ssh, under any of its names', () => {
    const names = [...new Set(['localhost', '127.0.0.1', '[::1]', hostname()])]
    here.conf('workers', names.join('\n'))
    const { output } = here.run('sbin/workers.sh', ['echo', 'direct'])
    expect(sorted(output)).toEqual(names.map((host) => `${host}: direct`).toSorted())
  })
})

describe('E13: ssh', () => {
  test("the user's options come first, so that ssh takes theirs", () => {
    here.conf('workers', 'host1\n')
    const env = { SPARK_SSH_OPTS: '-F mine -o ConnectTimeout=1', MAGNETO_SSH_CONNECT_SECONDS: '3' }
    expect(here.run('sbin/workers.sh', ['true'], env).output).toBe(
      `host1: ssh -F mine -o ConnectTimeout=1 ${LIMITS.replace('10', '3')} -o BatchMode=yes host1 true\n`,
    )
  })

  test('SPARK_SSH_FOREGROUND: one after the other in the order of the list, passwords possible', () => {
    const names = Array.from({ length: 9 }, (_, index) => `host${9 - index}`)
    here.conf('workers', names.join('\n'))
    const { output } = here.run('sbin/workers.sh', ['true'], { SPARK_SSH_FOREGROUND: 'yes' })
    expect(output.trim().split('\n')).toEqual(
      names.map((host) => `${host}: ssh -o StrictHostKeyChecking=no ${LIMITS} ${host} true`),
    )
  })

  test.each([
    { SPARK_WORKER_SLEEP: '0.3' },
    { SPARK_SLAVE_SLEEP: '0.3' },
    { SPARK_WORKER_SLEEP: '0.3', SPARK_SSH_FOREGROUND: '1' },
  ])('%j: a pause between hosts', (env) => {
    here.conf('workers', 'host1\nhost2\nhost3\n')
    const began = performance.now()
    const { output } = here.run('sbin/workers.sh', ['true'], env)
    expect(performance.now() - began).toBeGreaterThanOrEqual(600)
    expect(output.match(/^host\d: ssh/gm)).toHaveLength(3)
    expect(output.includes('is deprecated')).toBe('SPARK_SLAVE_SLEEP' in env)
  })

  test.each([
    { SPARK_WORKER_SLEEP: 'long' },
    { MAGNETO_SSH_PARALLEL: '0' },
    { MAGNETO_SSH_PARALLEL: 'all' },
    { MAGNETO_SSH_CONNECT_SECONDS: 'x' },
  ])('%j is refused', (env) => {
    here.conf('workers', 'host1\n')
    const { status, output } = here.run('sbin/workers.sh', ['true'], env)
    expect(status).toBe(1)
    expect(output).toContain(`bad value for ${Object.keys(env)[0]}`)
  })

  test('200 hosts, never more than MAGNETO_SSH_PARALLEL at a time', () => {
    // Each call counts those that run beside it. The first ones wait for each other, however slow the machine is.
    const running = join(here.home, 'running')
    const full = join(here.home, 'full')
    mkdirSync(running)
    here.program(
      'path/ssh',
      `#!/bin/bash
: >${running}/$$
sleep 0.1
set -- ${running}/*
until [ -e ${full} ] || [ $# -ge 16 ]; do
  sleep 0.05
  set -- ${running}/*
done
: >${full}
echo "beside $#"
rm ${running}/$$
`,
    )
    const names = Array.from({ length: 200 }, (_, index) => `host${index}`)
    here.conf('workers', names.join('\n'))
    const { status, output } = here.run('sbin/workers.sh', ['true'], { MAGNETO_SSH_PARALLEL: '16' })
    expect(status).toBe(0)
    const seen = [...output.matchAll(/^(host\d+): beside (\d+)$/gm)]
    expect(new Set(seen.map(([, host]) => host))).toEqual(new Set(names))
    const most = Math.max(...seen.map(([, , count]) => Number(count)))
    expect(most).toBe(16)
    expect(readdirSync(running)).toEqual([])
  })

  test('an interrupt ends what runs, and says what came of each host', async () => {
    here.program(
      'path/ssh',
      '#!/bin/bash\ncase "$*" in *quick*) exit 0 ;; esac\necho "pid $$"\nexec sleep 1000\n',
    )
    here.conf('workers', 'quick\nslow\n')
    // The second begins when the first is done.
    const script = here.spawn('sbin/start-workers.sh', [], { MAGNETO_SSH_PARALLEL: '1' })
    let output = ''
    script.stdout?.on('data', (chunk) => (output += String(chunk)))
    const ended = once(script, 'close')
    await said(script, 'slow: pid ')
    script.kill('SIGINT')
    expect(await ended).toEqual([130, null])
    expect(output).toMatch(/\nslow: failed: .*\n2 hosts: 1 done, 1 failed\n$/)
    const ssh = Number(/pid (\d+)/.exec(output)?.[1])
    // It has been told to end, and nobody waits for it.
    await expect.poll(() => isAlive(ssh)).toBe(false)
    expect(readdirSync(here.home).filter((name) => name.startsWith('magneto-hosts'))).toEqual([])
  })
})

describe('B3, B5: what came of each host', () => {
  beforeEach(() => {
    here.program('path/ssh', RUN)
  })

  /** The lines at the end. */
  const verdicts = (output: string, hosts: number) =>
    output
      .trim()
      .split('\n')
      .slice(-hosts - 1)

  test('started, already running, failed and why, in the order of the list; stopped', () => {
    here.conf('workers', 'host2\n')
    expect(verdicts(here.run('sbin/start-workers.sh').output, 1)).toEqual([
      'host2: started',
      '1 host: 1 started',
    ])
    here.conf('workers', 'dead1\nhost1\nclosed1\nhost2\nbare1\n')
    const started = here.run('sbin/start-workers.sh')
    expect(started.status).toBe(1)
    const failures = [
      'dead1: failed: unreachable: ssh: connect to host dead1 port 22: Connection timed out',
      'closed1: failed: ssh: root@closed1: Permission denied (publickey).',
      expect.stringMatching(/^bare1: failed: exit status 1: .*\/nowhere\/magneto/),
    ]
    expect(verdicts(started.output, 5)).toEqual([
      failures[0],
      'host1: started',
      failures[1],
      'host2: already running',
      failures[2],
      '5 hosts: 3 failed, 1 started, 1 already running',
    ])
    const stopped = here.run('sbin/stop-workers.sh')
    expect(stopped.status).toBe(1)
    expect(verdicts(stopped.output, 5)).toEqual([
      failures[0],
      'host1: stopped',
      failures[1],
      'host2: stopped',
      failures[2],
      '5 hosts: 3 failed, 2 stopped',
    ])
    here.conf('workers', 'host1\n')
    const again = here.run('sbin/stop-workers.sh')
    expect(again.status).toBe(0)
    expect(verdicts(again.output, 1)).toEqual(['host1: not running', '1 host: 1 not running'])
  })

  test('B5: one that takes longer to stop is not told as stopped', () => {
    here.conf('workers', 'host1\n')
    here.program(
      'bin/spark-class',
      '#!/bin/bash\ntrap "" TERM\necho up >"$MAGNETO_READY_FILE"\nwhile [ -d "$MAGNETO_HOME" ]; do sleep 0.1; done\n',
    )
    here.run('sbin/start-workers.sh')
    expect(verdicts(here.run('sbin/stop-workers.sh').output, 1)).toEqual([
      'host1: still shutting down',
      '1 host: 1 still shutting down',
    ])
  })

  test('a worker that runs already is no failure', () => {
    here.conf('workers', 'host1\n')
    expect(here.run('sbin/start-workers.sh').status).toBe(0)
    const env = { SPARK_WORKER_INSTANCES: '2' }
    const second = here.run('sbin/start-workers.sh', [], env)
    expect(second.status).toBe(0)
    expect(second.output).toContain('host1: started\n')
    const third = here.run('sbin/start-workers.sh', [], env)
    expect(third.status).toBe(0)
    expect(third.output).toContain('host1: already running\n')
    expect(here.run('sbin/stop-workers.sh', [], env).output).toContain('host1: stopped\n')
  })

  test('one that ends at once is a failure, with its log', () => {
    here.conf('workers', 'host1\n')
    const { status, output } = here.run('sbin/start-workers.sh', [], { FAKE_DIES: '1' })
    expect(status).toBe(1)
    expect(output).toContain('host1:   last words\n')
    expect(verdicts(output, 1)).toEqual([
      expect.stringMatching(/^host1: failed: it ended at once; its log: .*Worker-1-.*\.out$/),
      '1 host: 1 failed',
    ])
  })

  test('arguments reach the workers as they are', () => {
    here.conf('workers', 'host1\n')
    here.run('sbin/start-workers.sh', ['-d', "it's $HOME; `date`"])
    const log = readdirSync(here.logs).find((name) => name.includes('Worker-1'))
    expect(readFileSync(join(here.logs, log ?? ''), 'utf8')).toContain(
      " spark://m:7077 -d it's $HOME; `date`\n",
    )
  })

  test('any other command: the hosts where it failed, apart from its output', () => {
    here.conf('workers', 'host1\nhost2\ndead1\n')
    const { status, output } = here.run('sbin/workers.sh', ['[', '$HOSTNAME', '=', 'host1', ']'])
    expect(status).toBe(1)
    expect(output.trim().split('\n').slice(-3)).toEqual([
      'host2: failed: exit status 1',
      'dead1: failed: unreachable: ssh: connect to host dead1 port 22: Connection timed out',
      'workers.sh: failed on 2 of 3 hosts',
    ])
  })

  test('B7: decommission-worker.sh on some hosts', () => {
    here.conf('workers', 'host1\nhost2\n')
    here.conf('leaving', 'host2\n')
    here.program(
      'bin/spark-class',
      '#!/bin/bash\ntrap "exit 0" PWR TERM\necho up >"$MAGNETO_READY_FILE"\nwhile :; do sleep 0.05; done\n',
    )
    here.run('sbin/start-workers.sh')
    const script = join(here.home, 'sbin/decommission-worker.sh')
    const some = { SPARK_WORKERS: join(here.home, 'conf', 'leaving') }
    expect(here.run('sbin/workers.sh', [script, '--block-until-exit'], some)).toEqual({
      status: 0,
      output: `host2: decommissioning ${WORKER}\n`,
    })
    expect(here.run('sbin/spark-daemons.sh', ['status', WORKER, '1']).output).toMatch(
      /host2: failed: exit status 1: .* file is present but .*\n2 hosts: 1 done, 1 failed\n$/,
    )
  })

  test('SPARK_NO_DAEMONIZE is refused', () => {
    const { status, output } = here.run('sbin/start-workers.sh', [], { SPARK_NO_DAEMONIZE: '' })
    expect(status).toBe(1)
    expect(output).toContain('use start-worker.sh\n')
  })
})

describe('B6: stop-all.sh --wait', () => {
  test('says where a worker is left, and goes on when it has gone', () => {
    here.program(
      'path/ssh',
      `#!/bin/bash\ncase "$*" in *"ps -A"*) ;; *) exit ;; esac
if [ -f ${here.home}/asked ]; then echo 0; else echo 1; fi
touch ${here.home}/asked\n`,
    )
    here.conf('workers', 'host1\n')
    const { status, output } = here.run('sbin/stop-all.sh', ['--wait'])
    expect(output).toBe(`host1: done
1 host: 1 done
no ${MASTER} to stop
Waiting for workers to shut down...
still running: host1
All workers successfully shut down.
`)
    expect(status).toBe(0)
  })

  test('gives up after the seconds it is given', () => {
    here.program('path/ssh', '#!/bin/sh\necho motd; echo 2\n')
    here.conf('workers', 'host1\nhost2\n')
    const { status, output } = here.run('sbin/stop-all.sh', ['--wait', '1'])
    expect(status).toBe(1)
    expect(output).toContain('still running: host1 host2\n')
    expect(output).toContain('stop-all.sh: gave up after 1 seconds\n')
  })

  test('a host that can not be asked is neither waited for nor believed to be done', () => {
    here.program('path/ssh', RUN)
    here.conf('workers', 'dead1\nhost1\n')
    const { status, output } = here.run('sbin/stop-all.sh', ['--wait'])
    expect(status).toBe(1)
    expect(output.match(/^dead1: failed: unreachable/gm)).toHaveLength(2)
    expect(output).toMatch(/stop-all\.sh: no worker is left on the hosts that answered; /)
    expect(output).not.toContain('successfully')
  })
})

describe('B9: spark-daemons.sh', () => {
  test('runs spark-daemon.sh everywhere', () => {
    const args = ['start', WORKER, '1', 'spark://m:7077']
    expect(here.run('sbin/spark-daemons.sh', args).output).toMatch(
      /^localhost: starting .*Worker, .*\nlocalhost: started\n1 host: 1 started\n$/,
    )
    expect(existsSync(here.pidFile(WORKER))).toBe(true)
  })

  test('--config takes the list from that folder too', () => {
    mkdirSync(join(here.home, 'other'))
    writeFileSync(join(here.home, 'other', 'workers'), 'host5\n')
    const args = ['--config', join(here.home, 'other'), 'status', WORKER, '1']
    const { output } = here.run('sbin/spark-daemons.sh', args)
    expect(output).toMatch(
      /^host5: ssh .*spark-daemon\.sh' '--config' '.*other' 'status' '.*Worker' '1'\n/,
    )
  })
})
