/** `magneto status`, `kill`, `list` and `logs`. */
import { describe, expect, test } from 'vitest'
import { partBytes } from '../../src/cli/client/log-stream.js'
import { FakeCluster, logOf, runAgainst, type Play } from './fake-cluster.js'

const workerAt = (webuiaddress: string, id = 'worker-1') => ({
  id,
  host: 'h',
  port: 4,
  state: 'ALIVE',
  webuiaddress,
})

const driver = (id: string, change: object = {}) => ({
  id,
  state: 'RUNNING',
  cores: 2,
  memory: 1024,
  submitdate: 'Sat Nov 21 10:00:00 UTC 2026',
  worker: 'worker-1',
  mainclass: 'a.Main',
  ...change,
})

const start = async (): Promise<FakeCluster> => (await new FakeCluster().start()).state()

describe('status', () => {
  test('C22: what it does and where', async () => {
    await using fake = await start()
    fake.driver({ driverState: 'RUNNING', workerId: 'worker-1', workerHostPort: 'h:4' })
    expect(await runAgainst(fake.address, 'status', ['driver 1/x'])).toMatchObject({
      status: 0,
      stdout: 'driver 1/x RUNNING on worker-1 (h:4)\n',
      stderr: '',
    })
    expect(fake.seen.map(({ path }) => path)).toEqual(['/v1/submissions/status/driver%201%2Fx'])
  })

  test('why it waits', async () => {
    await using fake = await start()
    fake.driver({ driverState: 'SUBMITTED' }).play('/api/v1/drivers/d/explain', () => ({
      json: { explanations: [{ reason: 'no worker \u001b[2J is idle', advice: 'wait' }] },
    }))
    const { stdout } = await runAgainst(fake.address, 'status', ['d'])
    expect(stdout).toBe('d SUBMITTED\nno worker \ufffd[2J is idle\nwait\n')
  })

  test('nothing but its state where nobody says why, or it has just been launched', async () => {
    await using fake = await start()
    fake
      .driver({ driverState: 'SUBMITTED' })
      .play('/api/', () => ({ json: { waiting: false, explanations: [] } }))
    const launched = await runAgainst(fake.address, 'status', ['d'])
    fake.play('/control', () => ({ json: { port: 1 } }))
    const silent = await runAgainst(fake.address, 'status', ['d'])
    for (const { status, stdout } of [launched, silent])
      expect([status, stdout]).toEqual([0, 'd SUBMITTED\n'])
  })

  test('one that is not known', async () => {
    await using fake = await start()
    fake.driver({ success: false })
    const { status, stderr } = await runAgainst(fake.address, 'status', ['d'])
    expect(status).toBe(5)
    expect(stderr).toBe(
      'magneto status: the master does not know driver d: see magneto list --all\n',
    )
  })
})

describe('kill', () => {
  const killed = { action: 'KillSubmissionResponse', success: true, message: 'Kill request sent' }

  test('R8: asks and returns, or waits for the end', async () => {
    await using fake = await start()
    fake
      .play('/v1/submissions/kill/d', () => ({ json: killed }))
      .driver({ driverState: 'RUNNING' }, { driverState: 'KILLED' })
    const quick = await runAgainst(fake.address, 'kill', ['d'])
    expect([quick.status, quick.stderr]).toEqual([0, 'Kill request sent\n'])
    expect(fake.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/submissions/kill/d',
    ])
    const waited = await runAgainst(fake.address, 'kill', ['--wait', 'd'])
    expect([waited.status, waited.stderr, waited.looks]).toEqual([
      0,
      'Kill request sent\nd KILLED\n',
      1,
    ])
  })

  test('what the master refuses is told', async () => {
    await using fake = await start()
    const message = 'Driver d has already finished or does not exist'
    fake.play('/v1/', () => ({ json: { ...killed, success: false, message } }))
    const { status, stderr } = await runAgainst(fake.address, 'kill', ['d'])
    expect([status, stderr]).toEqual([5, `magneto kill: ${message}\n`])
  })
})

describe('list', () => {
  test('those that wait or run, and on demand those that have ended', async () => {
    await using fake = await start()
    fake.state({
      activedrivers: [driver('driver-2', { worker: 'None', state: 'SUBMITTED' })],
      completeddrivers: [driver('driver-1', { state: 'FAILED', mainclass: '\u001b[2J' })],
    })
    const { stdout } = await runAgainst(fake.address, 'list', [])
    expect(stdout.split('\n')).toEqual([
      'DRIVER    STATE      CORES  MEMORY  WORKER  PROGRAM  SUBMITTED',
      'driver-2  SUBMITTED  2      1024m   -       a.Main   Sat Nov 21 10:00:00 UTC 2026',
      '',
    ])
    const all = await runAgainst(fake.address, 'list', ['-a'])
    expect(all.stdout.split('\n')[2]).toMatch(/^driver-1 {2}FAILED {5}2 .*worker-1 {2}\ufffd\[2J /)
    const json = await runAgainst(fake.address, 'list', ['--json', '--all'])
    expect(JSON.parse(json.stdout)).toMatchObject([{ id: 'driver-2' }, { id: 'driver-1' }])
  })

  test('a standby is passed over', async () => {
    await using standby = (await start()).state({ status: 'STANDBY' })
    await using fake = (await start()).state({ activedrivers: [driver('driver-2')] })
    const all = `${standby.address},${fake.address}`
    expect((await runAgainst(all, 'list', [])).stdout).toContain('driver-2')
    const { status, stderr } = await runAgainst(standby.address, 'list', [])
    expect([status, stderr.replace(/^waiting.*\n/, '')]).toEqual([
      5,
      'magneto list: Current state is not alive: STANDBY\n',
    ])
  })
})

test('a web UI that can not be reached is told from a master that is not there', async () => {
  await using fake = await start()
  fake.play('/control', () => ({ json: { webUiUrl: 'http://127.0.0.1:1' } }))
  const { status, stderr } = await runAgainst(fake.address, 'list', [])
  expect([status, stderr]).toEqual([
    5,
    'magneto list: the web UI, which knows the cluster: 127.0.0.1:1 does not answer: ECONNREFUSED\n',
  ])
})

describe('logs', () => {
  const both: Play = (seen) => {
    const type = seen.path.includes('logType=stdout') ? 'out' : 'err'
    return logOf(() => `${type} of it\n`)(seen)
  }

  test('U9, U25: both outputs of a driver, each where it belongs', async () => {
    await using fake = await start()
    fake
      .state({ workers: [workerAt(fake.url)], completeddrivers: [driver('d')] })
      .play('/log', both)
    const ran = await runAgainst(fake.address, 'logs', ['d'])
    expect(ran).toMatchObject({ status: 0, stdout: 'out of it\n', stderr: 'err of it\n' })
    const one = await runAgainst(fake.address, 'logs', ['--stderr', 'd'])
    expect(one).toMatchObject({ stdout: '', stderr: 'err of it\n' })
    const end = await runAgainst(fake.address, 'logs', ['--stdout', '--tail', '6', 'd'])
    expect(end).toMatchObject({ stdout: 'of it\n', stderr: '' })
  })

  test('a long one comes whole, part by part', async () => {
    await using fake = await start()
    const text = 'ä'.repeat(partBytes)
    fake.state({ workers: [workerAt(fake.url)], activedrivers: [driver('d')] }).play(
      '/log',
      logOf(() => text),
    )
    const { stdout } = await runAgainst(fake.address, 'logs', ['--stdout', 'd'])
    expect(stdout === text).toBe(true)
    expect(fake.seen.filter(({ path }) => path.startsWith('/log'))).toHaveLength(2)
  })

  test('--follow goes on until the driver has ended, with all that it printed last', async () => {
    await using fake = await start()
    let text = ''
    const at = (worker: string) => ({
      workers: [workerAt(fake.url)],
      activedrivers: [driver('d', { worker })],
    })
    fake
      .state(at('None'))
      .driver({ driverState: 'SUBMITTED' }, { driverState: 'RUNNING' }, { driverState: 'KILLED' })
      .play(
        '/log',
        logOf(() => text),
      )
    const ran = await runAgainst(fake.address, 'logs', ['-f', '--stdout', 'd'], {
      onPause: (_signals, looks) => {
        fake.state(at('worker-1'))
        text += `${looks}`
      },
    })
    expect(ran).toMatchObject({ status: 0, stdout: '12', looks: 2 })
  })

  test('an executor is looked for on every worker', async () => {
    await using fake = await start()
    await using other = await start()
    other.play('/log', () => ({ status: 404, text: 'there is no stdout of app-1/0 here' }))
    fake.play('/log', both).state({
      workers: [
        workerAt('', 'worker-0'),
        workerAt('http://127.0.0.1:1', 'worker-1'),
        workerAt(other.url, 'worker-2'),
        workerAt(fake.url, 'worker-3'),
      ],
    })
    const { stdout } = await runAgainst(fake.address, 'logs', ['--stdout', 'app-1/0'])
    expect(stdout).toBe('out of it\n')
    expect(fake.seen.at(-1)!.path).toMatch(/^\/log\?appId=app-1&executorId=0&logType=stdout&/)
    fake.play('/log', () => ({ status: 404, text: '' }))
    const none = await runAgainst(fake.address, 'logs', ['app-1/0'])
    expect(none.stderr).toBe(
      'magneto logs: no worker has output of executor 0 of app-1 (2 of 4 workers could be asked)\n',
    )
  })

  test.each<[string, object, string]>([
    ['no such driver', {}, 'the master knows no driver d: expected the id of a driver, or <app'],
    [
      'a driver that waits',
      { activedrivers: [driver('d', { worker: 'None' })] },
      'd has printed nothing that is there: it was not started yet',
    ],
    [
      'a worker without pages',
      { workers: [workerAt('')], activedrivers: [driver('d')] },
      'worker-1 has no web UI that would show logs: read them in its work folder on h (port 4)',
    ],
    [
      'a worker that is gone',
      { completeddrivers: [driver('d')] },
      'worker-1, which ran d, is not in the cluster any more',
    ],
    [
      'a worker that is not there',
      { workers: [workerAt('http://127.0.0.1:1')], activedrivers: [driver('d')] },
      'magneto logs: the web UI of its worker: 127.0.0.1:1 does not answer: ECONNREFUSED',
    ],
  ])('%s: one line, status 5', async (_what, state, message) => {
    await using fake = await start()
    fake.state(state)
    const { status, stderr } = await runAgainst(fake.address, 'logs', ['d'])
    expect(status).toBe(5)
    expect(stderr).toMatch(/^magneto logs: [^\n]+\n$/)
    expect(stderr).toContain(message)
  })

  test('what a worker refuses is told', async () => {
    await using fake = await start()
    fake
      .state({ workers: [workerAt(fake.url)], activedrivers: [driver('d')] })
      .play('/log', () => ({ status: 503, text: 'the disk is slow\n' }))
    const { stderr } = await runAgainst(fake.address, 'logs', ['d'])
    expect(stderr).toBe(
      `magneto logs: the worker at ${fake.url} gives no log: 503 the disk is slow\n`,
    )
  })
})

describe('the master', () => {
  test.each([
    { SPARK_MASTER_HOST: '127.0.0.1' },
    { SPARK_MASTER_HOST: '127.0.0.1', MAGNETO_MASTER: '' },
  ])('E1: is where the variables say: %j', async (more) => {
    await using fake = await start()
    const env = { ...more, SPARK_MASTER_PORT: String(fake.port) }
    expect(await runAgainst(null, 'list', [], { env })).toMatchObject({ status: 0 })
    const named = { MAGNETO_MASTER: 'spark://127.0.0.1:1' }
    const argv = ['--master', `spark://${fake.address}`]
    expect(await runAgainst(null, 'list', argv, { env: named })).toMatchObject({ status: 0 })
  })
})

test.each(['submit', 'status', 'kill', 'list', 'logs'] as const)(
  '%s explains itself',
  async (command) => {
    const { status, stderr } = await runAgainst(null, command, ['--help'])
    expect(status).toBe(0)
    expect(stderr).toMatch(new RegExp(`^Usage: magneto ${command} `))
    expect(stderr).toMatch(/\n {2}5 +The master refused/)
    for (const line of stderr.split('\n')) expect(line.length).toBeLessThanOrEqual(120)
  },
)

test.each(['status', 'kill', 'logs'] as const)('%s needs one id', async (command) => {
  for (const argv of [[], ['a', 'b']]) {
    const { status, stderr } = await runAgainst('127.0.0.1:1', command, argv)
    expect(status).toBe(2)
    expect(stderr).toMatch(/^magneto \w+: .*the id of .* \(see magneto \w+ --help\)\n$/)
  }
})
