/** A cluster of three hosts over real ssh: started, used, cut apart, healed and stopped by the scripts of sbin. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type ClusterJson, eventually, root, sparkHome } from './cluster.js'
import { COMMANDS, Hosts, processesIn } from './hosts.js'
import { describeWith } from './requirements.js'

const NAMES = ['alpha', 'beta', 'gamma']
const WORKER = 'org.apache.spark.deploy.worker.Worker'
const SPARK = '4.3.0'

const minutes = (count: number) => ({ timeout: count * 60_000 })

describeWith(
  [...COMMANDS, 'java', 'python3'],
  'three hosts',
  () => {
    let hosts: Hosts
    let spark: string

    beforeAll(async () => {
      spark = sparkHome(SPARK)
      hosts = await Hosts.start(NAMES, {
        'spark-env.sh': `
PATH="${process.env['PATH']}"
MAGNETO_NODE="${process.execPath}"
MAGNETO_SPARK_HOMES="${spark}"
SPARK_MASTER_HOST=master
SPARK_WORKER_CORES=1
SPARK_WORKER_MEMORY=1g
SPARK_PID_DIR="\${MAGNETO_HOME}/pids"
SPARK_LOCAL_DIRS="\${MAGNETO_HOME}/scratch"
JDK_JAVA_OPTIONS="${process.env['JDK_JAVA_OPTIONS']}"
`,
        'spark-defaults.conf': `
spark.worker.timeout 10
spark.decommission.enabled true
spark.magneto.worker.decommissionDeadline 1min
`,
        workers: '# where this cluster has workers\nalpha # without ssh\nbeta\r\nroot@gamma:22\n',
      })
      const options = `SPARK_SSH_OPTS="${Hosts.sshOptions(hosts.folder)}"\n`
      for (const name of NAMES)
        writeFileSync(hosts.path(name, 'magneto/conf/spark-env.sh'), options, { flag: 'a' })
    }, 300_000)

    afterAll(async () => {
      expect(await hosts?.stop()).toEqual([])
    })

    /** The master's state, asked from its own host. */
    function state(): ClusterJson | null {
      const ask = `fetch('http://master:8080/json/').then((a) => a.text()).then(console.log)`
      const { status, output } = hosts.run('alpha', [process.execPath, '-e', ask])
      return status === 0 ? (JSON.parse(output) as ClusterJson) : null
    }

    async function until(
      what: string,
      holds: (now: ClusterJson) => boolean,
      withinMs = 60_000,
    ): Promise<ClusterJson> {
      const look = () => {
        const now = state()
        return now !== null && holds(now) ? now : null
      }
      return eventually(what, look, withinMs).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${JSON.stringify(state())}\n${hosts.logs()}`)
      })
    }

    const alive = (count: number) => (now: ClusterJson) => now.aliveworkers === count
    /** The lines at the end of a script that reached all three. */
    const verdicts = (output: string) => output.trim().split('\n').slice(-4)
    const applications = (name: string) => {
      const work = hosts.path(name, 'magneto/work')
      return existsSync(work) ? readdirSync(work).filter((entry) => entry.startsWith('app-')) : []
    }

    test('of a run that is killed no process and no network is left', minutes(1), async () => {
      const tsx = join(root, 'node_modules/.bin/tsx')
      const child = spawn(process.execPath, [tsx, join(import.meta.dirname, 'hold-hosts.ts')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [said] = (await once(child.stdout, 'data')) as [Buffer]
      const made = JSON.parse(String(said)) as { networks: string[]; folder: string }
      expect(made.networks).toHaveLength(2)
      expect(processesIn(made.networks).length).toBeGreaterThan(2)
      // tsx runs what it is given in a child of its own.
      const own = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()
      for (const pid of own.split(' ').filter(Boolean)) process.kill(Number(pid), 'SIGKILL')
      child.kill('SIGKILL')
      const gone = () => (processesIn(made.networks).length === 0 ? true : null)
      await eventually('nothing of it runs', gone, 45_000)
      rmSync(made.folder, { recursive: true })
    })

    test('B1, B3, B4, B9, E13: start-all.sh starts a master here, and a worker on each', async () => {
      const { status, output } = hosts.script('alpha', 'start-all.sh')
      expect(verdicts(output)).toEqual([
        'alpha: started',
        'beta: started',
        'root@gamma:22: started',
        '3 hosts: 3 started',
      ])
      expect(output).toMatch(/^beta: starting .*Worker, logging to .*-beta\.out$/m)
      expect(status).toBe(0)
      await until('three workers', alive(3))
      for (const name of NAMES) {
        const pids = readdirSync(hosts.path(name, 'magneto/pids'))
        expect(pids).toContain(`spark-root-${WORKER}-1.pid`)
        expect(pids).toHaveLength(name === 'alpha' ? 2 : 1)
      }
    })

    test('B3: start-workers.sh again starts nothing, and is content', () => {
      const { status, output } = hosts.script('alpha', 'start-workers.sh')
      expect(verdicts(output)).toEqual([
        'alpha: already running',
        'beta: already running',
        'root@gamma:22: already running',
        '3 hosts: 3 already running',
      ])
      expect(status).toBe(0)
    })

    test('a Node application runs on all three', minutes(2), async () => {
      const pi = join(root, 'dist/examples/pi/pi.js')
      const args = ['--master', 'spark://master:7077', '--points', '30000000', '--partitions', '12']
      const { status, output } = hosts.run('alpha', [process.execPath, pi, ...args])
      expect(output).toMatch(/Pi is roughly 3\.14/)
      expect(status).toBe(0)
      for (const name of NAMES) await expect.poll(() => applications(name)).toHaveLength(1)
      await until('everything is free again', (now) => now.coresused === 0)
    })

    test(
      'a Spark application outlives a host that is cut off, which heals',
      minutes(4),
      async () => {
        const job = join(root, 'test/e2e/jobs/steady.py')
        const goAhead = hosts.path('alpha', 'go-ahead')
        const flags = ['--master', 'spark://master:7077', '--conf', 'spark.ui.enabled=false']
        const command = [join(spark, 'bin/spark-submit'), ...flags, '--executor-memory', '512m']
        const driver = hosts.spawn('alpha', [...command, job, goAhead], {
          PATH: process.env['PATH'],
          SPARK_HOME: spark,
          PYSPARK_PYTHON: 'python3',
        })
        let said = ''
        let complained = ''
        driver.stdout?.on('data', (chunk) => (said += String(chunk)))
        driver.stderr?.on('data', (chunk) => (complained += String(chunk)))
        const ended = once(driver, 'close')

        const newest = await eventually('its id', () => state()?.activeapps[0]?.id ?? null, 60_000)
        /** How many executors gamma has had for it. */
        const onGamma = () => {
          const folder = hosts.path('gamma', 'magneto/work', newest)
          const entries = existsSync(folder) ? readdirSync(folder) : []
          return entries.filter((entry) => /^\d+$/.test(entry)).length
        }
        await until('it has all cores', (now) => now.coresused === 3)
        await eventually('tasks run', () => (said.includes('STARTED') ? true : null), 60_000)
        await eventually('it works there', () => (onGamma() === 1 ? true : null), 60_000)
        hosts.cutOff('gamma')

        // While nobody knows yet: the others are reached, and it holds up nothing.
        const started = hosts.script('alpha', 'start-workers.sh')
        expect(verdicts(started.output)).toEqual([
          'alpha: already running',
          'beta: already running',
          expect.stringMatching(/^root@gamma:22: failed: unreachable: ssh: connect to host gamma /),
          '3 hosts: 2 already running, 1 failed',
        ])
        expect(started.status).toBe(1)

        const cut = await until('gamma is given up', alive(2))
        expect(cut.workers.map((worker) => worker.state).toSorted()).toEqual([
          'ALIVE',
          'ALIVE',
          'DEAD',
        ])
        hosts.heal('gamma')
        await until('gamma is back by itself', alive(3))
        await eventually('it works there again', () => (onGamma() === 2 ? true : null), 60_000)
        writeFileSync(goAhead, '')
        expect(await ended, complained.slice(-6000)).toEqual([0, null])
        expect(said).toContain('RESULT sums=[15]\n')
        await until('everything is free again', (now) => now.coresused === 0)
      },
    )

    test(
      'E13: a host that falls silent in the middle of a command is given up',
      minutes(2),
      async () => {
        const conf = hosts.path('alpha', 'magneto/impatient')
        mkdirSync(conf)
        writeFileSync(join(conf, 'workers'), 'beta\ngamma\n')
        // Three times this, which a busy machine may need for an answer.
        const options = `${Hosts.sshOptions(hosts.folder)} -o ServerAliveInterval=5`
        writeFileSync(join(conf, 'spark-env.sh'), `SPARK_SSH_OPTS="${options}"\n`)
        // Ends by itself on beta; on gamma when its output goes nowhere. It takes as long as gamma is waited for.
        const ticks = Array.from({ length: 30 }, (_, at) => String(at))
        const line = `for i in ${ticks.join(' ')}; do echo tick; sleep 0.5; done`.split(' ')
        const command = [
          join(hosts.home, 'sbin/workers.sh'),
          '--config',
          join(hosts.home, 'impatient'),
        ]
        const script = hosts.spawn('alpha', [...command, ...line])
        let said = ''
        for (const stream of [script.stdout, script.stderr])
          stream?.on('data', (chunk) => (said += String(chunk)))
        const ended = once(script, 'close')
        await eventually('it runs on gamma', () => (/^gamma: tick/m.test(said) ? true : null))
        hosts.cutOff('gamma')
        expect(await ended).toEqual([1, null])
        hosts.heal('gamma')
        expect(said.match(/^beta: tick$/gm)).toHaveLength(ticks.length)
        expect(said).toMatch(
          /\ngamma: failed: unreachable: .*not responding.*\nworkers\.sh: failed on 1 of 2 hosts\n$/,
        )
        await until('gamma is there, or there again', alive(3))
      },
    )

    test('B7: decommission-worker.sh on one host over ssh waits until it has left', async () => {
      const one = hosts.path('alpha', 'leaving')
      writeFileSync(one, 'gamma\n')
      const command = [join(hosts.home, 'sbin/decommission-worker.sh'), '--block-until-exit']
      const left = hosts.script('alpha', 'workers.sh', command, { SPARK_WORKERS: one })
      expect(left).toEqual({ status: 0, output: `gamma: decommissioning ${WORKER}\n` })
      await until('it has left', alive(2))
      const again = hosts.script('alpha', 'start-workers.sh')
      expect(verdicts(again.output).at(-1)).toBe('3 hosts: 2 already running, 1 started')
      expect(again.status).toBe(0)
      await until('it is back', alive(3))
    }, 120_000)

    test('E14: SPARK_MASTER copies the installation from another host, and keeps what is its own', async () => {
      writeFileSync(hosts.path('alpha', 'magneto/conf/new-here'), '')
      hosts.script('beta', 'stop-worker.sh')
      const { status, output } = hosts.script('beta', 'start-worker.sh', ['spark://master:7077'], {
        SPARK_MASTER: `alpha:${hosts.home}`,
      })
      expect(output).toContain(`rsync from alpha:${hosts.home}\n`)
      expect(status).toBe(0)
      expect(existsSync(hosts.path('beta', 'magneto/conf/new-here'))).toBe(true)
      expect(readdirSync(hosts.path('beta', 'magneto/pids'))).toEqual([
        `spark-root-${WORKER}-1.pid`,
      ])
      await until('it is back', alive(3))
    })

    test('the workers follow the name of the master to another host', minutes(2), async () => {
      expect(hosts.script('alpha', 'stop-master.sh').status).toBe(0)
      hosts.alias('master', 'beta')
      expect(hosts.script('beta', 'start-master.sh').status).toBe(0)
      await until('all have found the new one', alive(3))
      expect(hosts.script('beta', 'stop-master.sh').status).toBe(0)
    })

    test('a worker that is started first waits for its master', minutes(2), async () => {
      expect(hosts.script('gamma', 'stop-worker.sh').status).toBe(0)
      hosts.alias('master', 'alpha')
      const first = hosts.script('alpha', 'start-workers.sh')
      expect(verdicts(first.output).at(-1)).toBe('3 hosts: 2 already running, 1 started')
      const second = hosts.script('alpha', 'start-all.sh')
      expect(verdicts(second.output).at(-1)).toBe('3 hosts: 3 already running')
      expect(second.status).toBe(0)
      await until('all three are there', alive(3))
    })

    test('B5, B6: stop-all.sh --wait leaves no process and no pid file', async () => {
      const { status, output } = hosts.script('alpha', 'stop-all.sh', ['--wait', '60'])
      expect(output).toContain('\nroot@gamma:22: stopped\n3 hosts: 3 stopped\nstopping ')
      expect(output).toMatch(/\nAll workers successfully shut down\.\n$/)
      expect(status).toBe(0)
      for (const name of NAMES) {
        const gone = () => (hosts.processes(name).length === 0 ? true : null)
        await eventually(`nothing runs on ${name}`, gone, 20_000).catch(() => {})
        expect(hosts.processes(name)).toEqual([])
        expect(readdirSync(hosts.path(name, 'magneto/pids'))).toEqual([])
      }
    }, 120_000)
  },
  { root: true },
)
