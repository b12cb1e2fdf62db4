/** `magneto submit`: what is sent, what is told meanwhile, how it ends. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FakeCluster, logOf, runAgainst } from './fake-cluster.js'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'magneto-submit-')))
beforeAll(() => {
  for (const name of ['app.jar', 'app.py', 'more.jar', 'lib.py', 'app.mjs', 'data.txt'])
    writeFileSync(join(folder, name), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

const created = { action: 'CreateSubmissionResponse', success: true, submissionId: 'driver-1' }
const master = async (): Promise<FakeCluster> => {
  const fake = await new FakeCluster().start()
  return fake
    .play('/v1/submissions/create', () => ({ json: created }))
    .driver({ driverState: 'FINISHED' })
    .state()
}

const submitted = (fake: FakeCluster): Record<string, unknown> =>
  JSON.parse(fake.seen.find(({ path }) => path.endsWith('/create'))!.body) as never

const run = (fake: FakeCluster, argv: string[], more: Parameters<typeof runAgainst>[3] = {}) =>
  runAgainst(fake.address, 'submit', argv, { cwd: folder, ...more })

describe('what is sent', () => {
  test('a jar with all that goes along, and the arguments of its own untouched', async () => {
    await using fake = await master()
    writeFileSync(
      join(folder, 'my.conf'),
      'spark.a file\nspark.b file\nspark.jars http://h/0.jar\n',
    )
    const argv = [
      '--class=a.Main',
      '--name=mine',
      '--cores=2',
      '--memory=2g',
      '--supervise',
      '--properties-file=my.conf',
      '--conf',
      'spark.b=x=y',
      '-c',
      'spark.c=1',
      '--jars',
      'more.jar,http://h/2.jar',
      '--files=data.txt',
      '--env',
      'A=b=c',
      '--env',
      'E=',
      '--spark-version=4.3',
      'app.jar',
      '--cores',
      'mine',
    ]
    const { status } = await run(fake, argv)
    expect(status).toBe(0)
    expect(submitted(fake)).toEqual({
      action: 'CreateSubmissionRequest',
      clientSparkVersion: '4.3',
      appResource: `file://${folder}/app.jar`,
      mainClass: 'a.Main',
      appArgs: ['--cores', 'mine'],
      sparkProperties: {
        'spark.a': 'file',
        'spark.b': 'x=y',
        'spark.c': '1',
        'spark.app.name': 'mine',
        'spark.driver.cores': '2',
        'spark.driver.memory': '2g',
        'spark.driver.supervise': 'true',
        'spark.jars': `http://h/0.jar,file://${folder}/more.jar,http://h/2.jar,file://${folder}/app.jar`,
        'spark.files': `file://${folder}/data.txt`,
        'spark.master': `spark://${fake.address}`,
        'spark.submit.deployMode': 'cluster',
      },
      environmentVariables: { A: 'b=c', E: '' },
    })
  })

  test.each([
    ['app.py', ['--py-files', 'lib.py'], { 'spark.submit.pyFiles': `file://${folder}/lib.py` }],
    ['app.mjs', [], {}],
    ['http://h/x.R', [], {}],
    ['hdfs://h/x.js', [], {}],
  ])('%s needs no class', async (program, flags, properties) => {
    await using fake = await master()
    const { stderr } = await run(fake, [...flags, program])
    const isUrl = program.includes(':')
    expect(submitted(fake)).toMatchObject({
      appResource: isUrl ? program : `file://${folder}/${program}`,
      mainClass: '',
      clientSparkVersion: '',
      sparkProperties: { 'spark.app.name': program.replace(/.*\//, ''), ...properties },
    })
    expect(submitted(fake)['sparkProperties']).not.toHaveProperty('spark.jars')
    const note = `${folder}/${program} is read by the worker: every worker must see it`
    expect(stderr.includes(note)).toBe(!isUrl)
  })

  test('R17: a token from the environment', async () => {
    await using fake = await master()
    await run(fake, ['app.py'], { env: { MAGNETO_REST_TOKEN: 'a.b.c' } })
    const asked = fake.seen.filter(({ path }) => path.startsWith('/v1/'))
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(
      asked.map(() => 'Bearer a.b.c'),
    )
  })
})

describe('how it ends', () => {
  test.each([
    ['FINISHED', 0],
    ['FAILED', 1],
    ['ERROR', 3],
    ['KILLED', 4],
    ['RELAUNCHING', 5],
  ])('%s with status %i, after all that became of it', async (driverState, expected) => {
    await using fake = await master()
    fake
      .driver(
        { driverState: 'SUBMITTED' },
        { driverState: 'SUBMITTED' },
        { driverState: 'RUNNING', workerId: 'worker-1', workerHostPort: 'h:1' },
        { driverState: 'RUNNING', workerId: 'worker-1', workerHostPort: 'h:1' },
        { driverState, message: 'it \u001b[2J broke' },
      )
      .play('/api/v1/drivers/driver-1/explain', () => ({
        json: { explanations: [{ reason: 'no worker has 9 cores', advice: 'add one' }] },
      }))
    const { status, stdout, stderr, looks } = await run(fake, ['http://h/app.py'])
    expect([status, stdout, looks]).toEqual([expected, '', 4])
    expect(stderr.split('\n').slice(0, 5)).toEqual([
      'driver-1 SUBMITTED',
      'no worker has 9 cores',
      'add one',
      'driver-1 RUNNING on worker-1 (h:1)',
      `driver-1 ${driverState}: it \ufffd[2J broke`,
    ])
    expect(stderr).toContain(`magneto logs --master spark://${fake.address} driver-1\n`)
  })

  test('at once with the id alone when it is not to wait', async () => {
    await using fake = await master()
    const ran = await run(fake, ['--detach', 'http://h/app.py'])
    expect(ran).toMatchObject({ status: 0, stdout: 'driver-1\n', stderr: '', looks: 0 })
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s leaves the driver alone and says how to end it', async (signal, expected) => {
    await using fake = await master()
    fake.driver({ driverState: 'RUNNING' })
    const { status, stderr } = await run(fake, ['http://h/app.py'], {
      onPause: (signals, looks) => looks === 3 && signals.emit(signal, signal),
    })
    expect(status).toBe(expected)
    expect(stderr).toContain(
      `driver-1 goes on; to end it: magneto kill --master spark://${fake.address} driver-1\n`,
    )
    expect(fake.seen.some(({ path }) => path.includes('/kill/'))).toBe(false)
  })

  test('an outage of the master is waited out', async () => {
    await using fake = await master()
    fake.driver('hang up', { driverState: 'RUNNING' }, 'hang up', { driverState: 'FINISHED' })
    const { status, stderr } = await run(fake, ['http://h/app.py'])
    expect(status).toBe(0)
    expect(stderr).toContain("driver-1 can't be looked at, trying again: ")
  })

  test('a master that has forgotten it is an error', async () => {
    await using fake = await master()
    fake.driver({ driverState: 'RUNNING' }, { success: false })
    const { status, stderr } = await run(fake, ['http://h/app.py'])
    expect(status).toBe(5)
    expect(stderr).toContain('magneto submit: the master does not know driver driver-1')
  })

  test('what it prints is passed on meanwhile, to its very end', async () => {
    await using fake = await master()
    let text = 'one\n'
    const worker = { id: 'worker-1', host: 'h', port: 1, state: 'ALIVE', webuiaddress: fake.url }
    fake
      .state({ workers: [worker], activedrivers: [{ id: 'driver-1', worker: 'worker-1' }] })
      .driver({ driverState: 'RUNNING' }, { driverState: 'RUNNING' }, { driverState: 'FAILED' })
      .play('/log', (seen) =>
        seen.path.includes('logType=stdout') ? logOf(() => text)(seen) : { status: 404, text: '' },
      )
    const { status, stdout, printed } = await run(fake, ['--follow', 'http://h/app.py'], {
      onPause: (_signals, looks) => void (text += `${looks}\n`),
    })
    expect([status, stdout]).toEqual([1, 'one\n1\n2\n'])
    expect(printed).toMatch(/\n2\ndriver-1 FAILED\n$/)
  })
})

describe('several masters', () => {
  const standby = {
    json: {
      action: 'CreateSubmissionResponse',
      success: false,
      message:
        'Current state is not alive: STANDBY. Can only accept driver submissions in ALIVE state.',
    },
  }

  test('R14: one that is not there and one that does not lead are passed over', async () => {
    await using leader = await master()
    await using other = await new FakeCluster().start()
    other.play('/v1/submissions/', () => standby)
    const all = `127.0.0.1:1,${other.address},${leader.address}`
    const { status } = await runAgainst(all, 'submit', ['--detach', 'http://h/a.py'])
    expect(status).toBe(0)
    const submissions = other.seen.filter(({ path }) => path.startsWith('/v1/'))
    expect(submissions).toHaveLength(1)
  })

  const leads = (url: string) => () => ({ json: { leader: { masterUrl: url, epoch: 3 } } })

  test('H14: a standby is asked who leads, and that one is asked next, listed or not', async () => {
    await using leader = await master()
    await using idle = await new FakeCluster().start()
    await using other = await new FakeCluster().start()
    for (const fake of [idle, other]) fake.play('/v1/submissions/', () => standby)
    other.play('/masters', leads(`spark://${leader.address}`))
    for (const list of [other.address, `${other.address},${idle.address},${leader.address}`]) {
      leader.seen.splice(0)
      const { status } = await runAgainst(list, 'submit', ['--detach', 'http://h/a.py'])
      expect(status).toBe(0)
      expect(leader.seen.length).toBe(1)
    }
    expect(idle.seen).toEqual([])
  })

  test('H14: status and list go to the leader that a standby names as well', async () => {
    await using leader = await master()
    await using other = await new FakeCluster().start()
    other
      .play('/v1/submissions/', () => standby)
      .state({ status: 'STANDBY' })
      .play('/masters', leads(`spark://${leader.address}`))
    leader.state().driver({ driverState: 'RUNNING' })
    const status = await runAgainst(other.address, 'status', ['driver-1'])
    expect(status.stdout).toBe('driver-1 RUNNING\n')
    expect((await runAgainst(other.address, 'list', [])).status).toBe(0)
    const killed = leader.seen.length
    await runAgainst(other.address, 'kill', ['driver-1'])
    expect(leader.seen[killed]?.path).toBe('/v1/submissions/kill/driver-1')
  })

  test('standbys that name each other, or ever new ones, come to an end', async () => {
    await using one = await new FakeCluster().start()
    await using two = await new FakeCluster().start()
    for (const fake of [one, two]) fake.play('/v1/submissions/', () => standby)
    one.play('/masters', leads(`spark://${two.address}`))
    two.play('/masters', leads(`spark://${one.address}`))
    expect((await runAgainst(one.address, 'status', ['d'])).status).toBe(5)
    const rounds = 11
    expect([one.seen.length, two.seen.length]).toEqual([2 * rounds, 2 * rounds])
    let port = 1
    one.play('/masters', () => ({ json: { leader: { masterUrl: `spark://127.0.0.1:${port++}` } } }))
    two.play('/masters', () => ({ text: 'no JSON' }))
    const { stderr } = await runAgainst(`${one.address},${two.address}`, 'status', ['d'])
    const last = stderr.trimEnd().split('\n').at(-1)!
    expect(last.split('Current state is not alive').length - 1).toBe(2)
    expect(last.split('ECONNREFUSED').length - 1).toBeLessThanOrEqual(2 * 3)
    one.play('/masters', () => ({ json: { leader: { masterUrl: 'nonsense' } } }))
    expect((await runAgainst(one.address, 'status', ['d'])).status).toBe(5)
  })

  test('what each says is told when none leads', async () => {
    await using other = await new FakeCluster().start()
    other.play('/v1/submissions/', () => standby)
    const all = `127.0.0.1:1,${other.address}`
    const { status, stderr, looks } = await runAgainst(all, 'submit', ['http://h/a.py'])
    expect([status, looks]).toEqual([5, 10])
    expect(stderr.split('\n').at(0)).toMatch(/^waiting for a master that leads: spark:/)
    expect(stderr.replace(/^.*\n/, '')).toMatch(
      /^magneto submit: spark:\/\/127\.0\.0\.1:1: 127\.0\.0\.1:1 does not answer: ECONNREFUSED; spark:\/\/127\.0\.0\.1:\d+: Current state is not alive: STANDBY\.[^\n]*\n$/,
    )
  })

  test('H8: a failover is waited out, and the submission made once', async () => {
    await using fake = await master()
    let isElected = false
    const taken = fake.plays.get('/v1/submissions/create')!
    fake.play('/v1/submissions/create', (seen) => (isElected ? taken(seen) : standby))
    const { status, stdout } = await runAgainst(
      `127.0.0.1:1,${fake.address}`,
      'submit',
      ['--detach', 'http://h/a.py'],
      { onPause: (_signals, looks) => void (isElected = looks === 3) },
    )
    expect([status, stdout]).toEqual([0, 'driver-1\n'])
    expect(fake.seen.filter(({ method }) => method === 'POST').length).toBe(4)
  })

  test('none is asked to run it again when one may have taken it', async () => {
    await using other = await master()
    await using first = await new FakeCluster().start()
    first.play('/v1/submissions/', () => 'hang up')
    const all = `${first.address},${other.address}`
    const { status, stderr } = await runAgainst(all, 'submit', ['http://h/a.py'])
    expect(status).toBe(5)
    expect(stderr).toMatch(
      /ECONNRESET; whether the driver was submitted is open: .*spark\.master\.rest\.enabled/,
    )
    expect(other.seen).toEqual([])
  })
})

describe('refusals', () => {
  test.each<[string[], string]>([
    [[], 'what to run is missing'],
    [['app.jar'], '--class is missing'],
    [['none.py'], `the program "none.py" is not there: expected a file of this machine, or a URL`],
    [['--py-files', 'none.py', 'app.py'], '--py-files "none.py" is not there'],
    [['--conf', 'x=y', 'app.py'], '--conf "x=y": expected spark.<key>=<value>'],
    [['--env', '=y', 'app.py'], '--env "=y": expected NAME=VALUE'],
    [['--spark-version', '2.4', 'app.py'], '--spark-version "2.4": expected one of 3.5, 4.0'],
    [['--detach', '--follow', 'app.py'], '--detach does not wait'],
    [['--frob', 'app.py'], 'unknown option "--frob"'],
    [['--master', 'h:1', 'app.py'], 'bad master "h:1"'],
  ])('%j: one line, status 2, and nothing is sent', async (argv, message) => {
    await using fake = await master()
    const { status, stderr, stdout } = await run(fake, argv)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^magneto submit: [^\n]+ \(see magneto submit --help\)\n$/)
    expect(stderr).toContain(message)
    expect(fake.seen).toEqual([])
  })

  test('no master at all', async () => {
    const { status, stderr } = await runAgainst(null, 'submit', ['http://h/a.py'])
    expect(status).toBe(2)
    expect(stderr).toContain('no master is named: give --master spark://host:port')
  })

  test('what the master says is one line, status 5', async () => {
    await using fake = await master()
    const message = "Malformed request: Property 'spark.driver.cores' expected numeric value"
    fake.play('/v1/submissions/create', () => ({
      status: 400,
      json: { action: 'ErrorResponse', message },
    }))
    const { status, stderr } = await run(fake, ['http://h/app.py'])
    expect([status, stderr]).toEqual([5, `magneto submit: ${message}\n`])
  })

  test('something else that listens there', async () => {
    await using fake = await new FakeCluster().start()
    const { status, stderr } = await run(fake, ['http://h/app.py'])
    expect(status).toBe(5)
    expect(stderr).toContain('it answered 404 without JSON; is a Magneto master listening there?')
  })
})
