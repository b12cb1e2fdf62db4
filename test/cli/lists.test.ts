/** `magneto apps` and `workers`. */
import { describe, expect, test } from 'vitest'
import {
  applicationItem,
  asked,
  FakeTerminal,
  listAnswer,
  playApi,
  workerItem,
} from './api-answers.js'
import { FakeCluster, runAgainst } from './fake-cluster.js'

const start = async (played: Parameters<typeof playApi>[1] = {}): Promise<FakeCluster> =>
  playApi(await new FakeCluster().start(), played)

const lines = (text: string) => text.trimEnd().split('\n')

describe('apps', () => {
  const applications = [
    applicationItem('app-2', { state: 'WAITING', waits: true, cores: 0, executors: 0 }),
    applicationItem('app-1', {
      name: 'naïve \u001B[2J\npi',
      user: null,
      memoryPerExecutorMb: 4096,
    }),
  ]

  test('those that wait or run', async () => {
    await using fake = await start({ applications })
    const { status, stdout, stderr } = await runAgainst(fake.address, 'apps', [])
    expect([status, stderr]).toEqual([0, ''])
    expect(lines(stdout)).toEqual([
      'APPLICATION  STATE    WAITS  CORES  EXECS      MEMORY  DURATION  USER  NAME',
      'app-2        WAITING  yes        0      0  1024.0 MiB   1.5 min  ada   pi',
      'app-1        RUNNING  -          4      2     4.0 GiB   1.5 min  -     naïve \uFFFD[2J pi',
    ])
    expect(asked(fake)).toEqual(['cluster', 'applications?active=true&offset=0&limit=200'])
  })

  test('a terminal is as wide as it is', async () => {
    await using fake = await start({
      applications: [applicationItem('app-1', { name: 'x'.repeat(300) })],
    })
    const terminal = new FakeTerminal(90)
    const { stdout } = await runAgainst(fake.address, 'apps', [], { terminal })
    expect(lines(stdout).map((line) => line.length)).toEqual([75, 90])
    expect(stdout).toMatch(/x…\n$/)
    expect(terminal.happened).toEqual([])
  })

  test.each<[string[], string]>([
    [['--all'], 'applications?offset=0&limit=1000'],
    [['--all', '--limit', '30'], 'applications?offset=0&limit=30'],
    [['--limit=30'], 'applications?active=true&offset=0&limit=30'],
    [['--state', 'failed, KILLED'], 'applications?state=FAILED%2CKILLED&offset=0&limit=200'],
    [['--sort', '-cores'], 'applications?sort=-cores&active=true&offset=0&limit=200'],
    [['--search', 'a b&c'], 'applications?q=a+b%26c&active=true&offset=0&limit=200'],
  ])('%j asks for %s', async (argv, path) => {
    await using fake = await start({ applications })
    expect((await runAgainst(fake.address, 'apps', argv)).status).toBe(0)
    expect(asked(fake).at(-1)).toBe(path)
  })

  test('what is left out is said', async () => {
    await using fake = await start({ applications })
    const { stdout, stderr } = await runAgainst(fake.address, 'apps', ['--limit', '1'])
    expect(lines(stdout)).toHaveLength(2)
    expect(stderr).toBe('1 of 2 are listed: --all lists all of them, --limit N so many\n')
  })

  test('--all comes page by page, each printed before the next is asked for', async () => {
    const all = Array.from({ length: 2_500 }, (_, at) => applicationItem(`app-${at}`))
    await using fake = await start({ applications: all })
    const { stdout, stderr } = await runAgainst(fake.address, 'apps', ['--all'])
    expect([lines(stdout).length, stderr]).toEqual([2_501, ''])
    expect(lines(stdout)[2_500]).toMatch(/^app-2499 /)
    expect(asked(fake).slice(1)).toEqual(
      [0, 1000, 2000].map((offset) => `applications?offset=${offset}&limit=1000`),
    )
  })

  test('a list that shrinks while it is read comes to an end', async () => {
    await using fake = await start()
    fake.play('/api/v1/applications', ({ path }) => ({
      json: listAnswer(path.includes('offset=0&') ? [applicationItem('app-1')] : [], { total: 9 }),
    }))
    const { status, stdout } = await runAgainst(fake.address, 'apps', ['--all'])
    expect([status, lines(stdout).length]).toEqual([0, 2])
  })

  test('--json is an array with all that the master tells, one item a line', async () => {
    const [first, second] = applications
    const more = [{ ...first!, coresMax: 7 }, second!]
    await using fake = await start({ applications: more })
    const { stdout } = await runAgainst(fake.address, 'apps', ['--json'])
    expect(JSON.parse(stdout)).toEqual(more)
    expect(lines(stdout)).toHaveLength(4)
    await using empty = await start()
    expect((await runAgainst(empty.address, 'apps', ['--json'])).stdout).toBe('[]\n')
  })
})

describe('workers', () => {
  test('how full each is, and what is wrong with it', async () => {
    await using fake = await start({
      workers: [
        workerItem('worker-1', { coresUsed: 8, resources: { gpu: { total: 2, used: 1 } } }),
        workerItem('worker-2', { unhealthyReason: 'disk\u0007 full' }),
        workerItem('worker-3', { state: 'DEAD', coresUsed: 8, runtimes: [] }),
        workerItem('worker-4', { memoryUsedMb: 4096, lastHeartbeatMs: Date.UTC(2099, 1) }),
      ],
    })
    const { stdout } = await runAgainst(fake.address, 'workers', ['--all'])
    expect(lines(stdout).map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'WORKER | STATE | CORES | MEMORY | RESOURCES | SEEN | RUNTIMES | REMARK',
      'worker-1 | ALIVE | 8/8 | 1024.0 MiB/4.0 GiB | gpu 1/2 | 4 s | node, spark-4.3 | full',
      'worker-2 | ALIVE | 3/8 | 1024.0 MiB/4.0 GiB | - | 4 s | node, spark-4.3 | not healthy: disk\uFFFD full',
      'worker-3 | DEAD | 8/8 | 1024.0 MiB/4.0 GiB | - | 4 s | - | -',
      'worker-4 | ALIVE | 3/8 | 4.0 GiB/4.0 GiB | - | 0 ms | node, spark-4.3 | full',
    ])
    expect(asked(fake)).toEqual(['cluster', 'workers?offset=0&limit=1000'])
  })

  test('of some states only', async () => {
    await using fake = await start({ workers: [workerItem('worker-1')] })
    await runAgainst(fake.address, 'workers', ['--state', 'dead,unknown', '--sort', 'cores'])
    expect(asked(fake).at(-1)).toBe('workers?state=DEAD%2CUNKNOWN&sort=cores&offset=0&limit=200')
  })
})

describe.each(['apps', 'workers'] as const)('%s', (command) => {
  const path = command === 'apps' ? '/api/v1/applications' : '/api/v1/workers'

  test.each<[string[], string]>([
    [['--state', 'LOST'], '--state "LOST": expected one or more of '],
    [['--state', 'ALIVE,'], '--state "ALIVE,": expected one or more of '],
    [['--limit', '0'], '--limit "0": expected a whole number from 1 on'],
    [['--limit', '1e3'], '--limit "1e3": expected a whole number from 1 on'],
    [['--sort'], '--sort needs a value'],
    [['--frob'], 'unknown option "--frob"'],
    [['app-1'], 'it takes options only'],
    [['--master', 'h:1'], 'bad master "h:1"'],
  ])('%j: one line, status 2, and nothing is asked', async (argv, message) => {
    await using fake = await start()
    const { status, stdout, stderr } = await runAgainst(fake.address, command, argv)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(new RegExp(`^magneto ${command}: [^\\n]+ --help\\)\\n$`))
    expect(stderr).toContain(message)
    expect(fake.seen).toEqual([])
  })

  test('what the master can make no sense of is a wrong command line', async () => {
    await using fake = await start()
    const error = 'sort must be one of id, name,\u001B[2J with - before it for descending'
    fake.play(path, () => ({ status: 400, json: { error } }))
    const { status, stderr } = await runAgainst(fake.address, command, ['--sort', 'x'])
    expect(status).toBe(2)
    expect(stderr).toContain(`magneto ${command}: sort must be one of id, name,\uFFFD[2J`)
  })

  test('a master that is too busy, and what is no master of this release', async () => {
    await using fake = await start()
    fake.play(path, () => ({ status: 503, json: { error: 'the master did not answer in time' } }))
    const busy = await runAgainst(fake.address, command, [])
    expect([busy.status, busy.stderr]).toEqual([
      5,
      `magneto ${command}: the web UI at ${fake.address} answered 503: the master did not answer in time\n`,
    ])
    for (const [where, answer] of [
      [path, { status: 404, text: '404 Not Found' }],
      [path, { text: 'no JSON' }],
      [path, { json: { items: {} } }],
      ['/api/v1/cluster', { json: { state: 'ALIVE' } }],
      ['/api/v1/cluster', { json: [] }],
    ] as const) {
      await using other = await start()
      other.play(where, () => answer)
      const { status, stderr } = await runAgainst(other.address, command, [])
      expect(status).toBe(5)
      expect(stderr).toMatch(/ is not there: expected the web UI of a master of this release\n$/)
    }
  })

  test('P58: a token from the environment goes to the web UI, which may refuse it', async () => {
    await using fake = await start()
    const env = { MAGNETO_REST_TOKEN: 'a.b.c' }
    await runAgainst(fake.address, command, [], { env })
    const tokens = fake.seen.map((seen) => [seen.path, seen.headers.authorization] as const)
    expect(tokens.slice(1).map(([, token]) => token)).toEqual(['Bearer a.b.c', 'Bearer a.b.c'])
    expect(tokens[0]).toEqual(['/control', undefined])
    fake.play('/api/v1/cluster', () => ({ status: 403, text: '403 Forbidden: no\u001B token' }))
    const { status, stderr } = await runAgainst(fake.address, command, [])
    expect([status, stderr]).toEqual([
      5,
      `magneto ${command}: the web UI at ${fake.address} answered 403: no\uFFFD token; set MAGNETO_REST_TOKEN to a token that it takes\n`,
    ])
  })

  test('H14: the leader that a standby names is asked', async () => {
    await using leader = await start()
    await using standby = await start({ cluster: { state: 'STANDBY' } })
    standby.play('/masters', () => ({
      json: { leader: { masterUrl: `spark://${leader.address}`, epoch: 3 } },
    }))
    expect((await runAgainst(standby.address, command, [])).status).toBe(0)
    expect(asked(standby)).toEqual(['cluster'])
    expect(asked(leader)).toHaveLength(2)
    standby.play('/masters', () => ({ json: { leader: null } }))
    const { status, stderr, looks } = await runAgainst(standby.address, command, [])
    expect([status, looks]).toEqual([5, 10])
    expect(stderr).toMatch(/\nmagneto \w+: Current state is not alive: STANDBY\n$/)
  })

  test('S1: one that recovers leads, and is asked', async () => {
    await using fake = await start({ cluster: { state: 'RECOVERING' } })
    expect((await runAgainst(fake.address, command, [])).status).toBe(0)
  })
})

test.each(['apps', 'workers', 'explain', 'top'] as const)('%s explains itself', async (command) => {
  const { status, stderr } = await runAgainst(null, command, ['--help'])
  expect(status).toBe(0)
  expect(stderr).toMatch(new RegExp(`^Usage: magneto ${command} `))
  expect(stderr).toMatch(/\n {2}5 +The master refused/)
  for (const line of lines(stderr)) expect(line.length).toBeLessThanOrEqual(120)
})
