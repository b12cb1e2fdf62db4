/** `magneto masters`: who leads. */
import { describe, expect, test } from 'vitest'
import type { LeadershipStatus } from '../../src/control/leadership.js'
import { leadershipStatus } from '../control/leadership.js'
import { FakeCluster, runAgainst } from './fake-cluster.js'

const identity = (masterUrl: string) => ({
  masterUrl,
  webUiUrl: 'http://ui',
  controlAddress: 'h:1',
})

function status(masterUrl: string, change: Partial<LeadershipStatus> = {}): LeadershipStatus {
  return leadershipStatus({ self: identity(masterUrl), leader: null, behind: null, ...change })
}

const url = (fake: FakeCluster) => `spark://${fake.address}`

function leader(masterUrl: string, change: Partial<LeadershipStatus> = {}): LeadershipStatus {
  return status(masterUrl, {
    role: 'leader',
    leader: { ...identity(masterUrl), epoch: 7 },
    elections: 2,
    lastTakeoverMs: 181.234,
    store: {
      mode: 'ZOOKEEPER',
      commits: 1200,
      records: 41,
      commitP50Ms: 0.8412,
      commitP99Ms: 31.15,
      failures: 0,
    },
    ...change,
  })
}

async function playing(...answers: ((self: string) => unknown)[]): Promise<FakeCluster[]> {
  return Promise.all(
    answers.map(async (answer) => {
      const fake = await new FakeCluster().start()
      return fake.play('/masters', () => ({ json: answer(url(fake)) }))
    }),
  )
}

async function done(fakes: readonly FakeCluster[]): Promise<void> {
  for (const fake of fakes) await fake[Symbol.asyncDispose]()
}

const listed = (...fakes: FakeCluster[]) => fakes.map(({ address }) => address).join(',')

describe('masters', () => {
  test('one line each, aligned: who leads, how far the others lag, how the store does', async () => {
    const fakes = await playing(
      (self) =>
        leader(self, {
          followers: [
            { masterUrl: 'spark://b:7077', lagCommits: 0, lagMs: 0 },
            { masterUrl: 'spark://c:7077', lagCommits: 12, lagMs: 40 },
          ],
        }),
      (self) =>
        status(self, {
          leader: { ...identity('spark://a:7077'), epoch: 7 },
          behind: { commits: 12, ms: 41.5 },
          reason: 'it stands by \u001b[2J',
        }),
    )
    const [first, second] = fakes as [FakeCluster, FakeCluster]
    const ran = await runAgainst(listed(first, second), 'masters', [])
    await done(fakes)
    expect(ran).toMatchObject({ status: 0, stderr: '' })
    const lines = ran.stdout.trimEnd().split('\n')
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
      ['MASTER', 'ROLE', 'EPOCH', 'LEADER', 'LAG', 'STORE', 'COMMIT', 'ELECTIONS', 'REASON'],
      [
        url(first),
        'leader',
        '7',
        'itself',
        'b:7077 0, c:7077 12 (40 ms)',
        'ZOOKEEPER 41',
        '0.841 ms/31.1 ms',
        '2 (181 ms)',
        '-',
      ],
      [
        url(second),
        'standby',
        '7',
        'spark://a:7077',
        '12 (41.5 ms)',
        'ZOOKEEPER 0',
        '-',
        '0',
        'it stands by \ufffd[2J',
      ],
    ])
    const at = lines[0]!.indexOf('REASON')
    expect(lines.map((line) => line[at])).toEqual(['R', '-', 'i'])
  })

  test('the list is the argument, --master, or the environment', async () => {
    const fakes = await playing((self) => leader(self))
    const [fake] = fakes as [FakeCluster]
    for (const [argv, master] of [
      [[url(fake)], null],
      [['--master', url(fake)], null],
      [[], fake.address],
      [[url(fake)], '127.0.0.1:1'],
    ] as const)
      expect((await runAgainst(master, 'masters', argv)).status).toBe(0)
    await done(fakes)
  })

  test('one that is not there, is starting, or is something else, says so on its line', async () => {
    const fakes = await playing((self) => leader(self))
    const [fake] = fakes as [FakeCluster]
    await using starting = await new FakeCluster().start()
    starting.play('/masters', () => ({ status: 503, text: 'The master is starting' }))
    await using other = await new FakeCluster().start()
    await using garbled = await new FakeCluster().start()
    garbled.play('/masters', () => ({ json: { self: { masterUrl: 'x' }, role: 'king' } }))
    const list = `127.0.0.1:1,${listed(starting, other, garbled, fake)}`
    const { status: code, stdout } = await runAgainst(list, 'masters', [])
    await done(fakes)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^spark:\/\/127\.0\.0\.1:1 +unreachable .*ECONNREFUSED$/m)
    expect(stdout).toMatch(/unreachable .* it is starting$/m)
    expect(stdout).toMatch(/it answered 404 to GET \/masters; is a Magneto master there\?$/m)
    expect(stdout).toMatch(/it answered 200 to GET \/masters/)
  })

  test('ends with 1 where none leads, and names the leader that is not in the list', async () => {
    const named = { ...identity('spark://elsewhere:7077'), epoch: 1 }
    const fakes = await playing(
      (self) => status(self),
      (self) => status(self, { role: 'suspended', leader: { ...identity(self), epoch: 2 } }),
      (self) => status(self, { leader: named }),
    )
    const [none, suspended, third] = fakes as [FakeCluster, FakeCluster, FakeCluster]
    const ran = await runAgainst(listed(none, suspended), 'masters', [])
    expect([ran.status, ran.stderr]).toEqual([1, 'none of them leads\n'])
    const partial = await runAgainst(listed(third), 'masters', [])
    expect([partial.status, partial.stderr]).toEqual([
      1,
      'none of them leads; spark://elsewhere:7077 is named as the leader\n',
    ])
    const nobody = await runAgainst('127.0.0.1:1', 'masters', [])
    await done(fakes)
    expect([nobody.status, nobody.stderr]).toEqual([1, 'none of them leads\n'])
  })

  test('H13: ends with 1 where two lead; two names of one master are one', async () => {
    const fakes = await playing(
      (self) => leader(self),
      (self) => leader(self),
    )
    const [one, two] = fakes as [FakeCluster, FakeCluster]
    const ran = await runAgainst(listed(one, two), 'masters', [])
    expect(ran.status).toBe(1)
    expect(ran.stderr).toBe(`2 masters lead: ${url(one)}, ${url(two)}; do they share one store?\n`)
    two.play('/masters', () => ({ json: leader(url(one)) }))
    expect((await runAgainst(listed(one, two), 'masters', [])).status).toBe(0)
    await done(fakes)
  })

  test('--json has all that they tell', async () => {
    const fakes = await playing((self) => leader(self))
    const [fake] = fakes as [FakeCluster]
    const ran = await runAgainst(`${fake.address},127.0.0.1:1`, 'masters', ['--json'])
    await done(fakes)
    expect(JSON.parse(ran.stdout)).toEqual([
      { asked: url(fake), ...leader(url(fake)) },
      { asked: 'spark://127.0.0.1:1', error: expect.stringContaining('ECONNREFUSED') },
    ])
    expect(ran.status).toBe(0)
  })

  test.each([
    [['spark://a:1', 'spark://b:1'], 'one list of masters is expected, got 2'],
    [['--master', 'spark://a:1', 'spark://b:1'], 'named twice'],
    [['http://a'], 'expected spark://host:port'],
    [[], 'no master is named'],
    [['--all'], '--all'],
  ])('%s: 2', async (argv, expected) => {
    const ran = await runAgainst(null, 'masters', argv)
    expect(ran.status).toBe(2)
    expect(ran.stderr).toContain(expected)
  })

  test('its help says what the columns mean', async () => {
    const { status: code, stderr } = await runAgainst(null, 'masters', ['--help'])
    expect(code).toBe(0)
    for (const word of [
      'EPOCH',
      'LAG',
      'COMMIT',
      'ELECTIONS',
      '--json',
      'Exactly one of them leads',
    ])
      expect(stderr).toContain(word)
  })
})
