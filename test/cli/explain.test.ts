/** `magneto explain`. */
import { expect, test } from 'vitest'
import { asked, explainAnswer, playApi } from './api-answers.js'
import { FakeCluster, runAgainst } from './fake-cluster.js'

const start = async (explained: Parameters<typeof playApi>[1] = {}): Promise<FakeCluster> =>
  playApi(await new FakeCluster().start(), explained)

test('why an application waits, then what would help', async () => {
  await using fake = await start({ explained: { 'applications/a%2F1': explainAnswer('a/1') } })
  expect(await runAgainst(fake.address, 'explain', ['a/1'])).toMatchObject({
    status: 0,
    stdout: 'a/1 WAITING\nno worker has 9 cores\nask for 8\n',
    stderr: '',
  })
})

test('several resource profiles are told apart, and nothing in them moves a cursor', async () => {
  const explanations = [
    { profileId: 0, reason: 'no cores\u001B[2J', advice: 'wait' },
    { profileId: 3, reason: 'no gpu', advice: 'start\na worker' },
  ]
  const explained = { 'applications/a': explainAnswer('a', { state: 'RUNNING', explanations }) }
  await using fake = await start({ explained })
  const { stdout } = await runAgainst(fake.address, 'explain', ['a'])
  expect(stdout.split('\n')).toEqual([
    'a RUNNING',
    'resource profile 0: no cores\uFFFD[2J',
    'resource profile 0: wait',
    'resource profile 3: no gpu',
    'resource profile 3: start a worker',
    '',
  ])
})

test('what waits for nothing says its state, and a driver how it failed', async () => {
  const idle = explainAnswer('a', { state: 'RUNNING', explanations: [] })
  const failed = { ...idle, id: 'd', state: 'ERROR', exception: 'no jar\n  at \u0007x' }
  const explained = { 'applications/a': idle, 'drivers/d': failed }
  await using fake = await start({ explained })
  expect((await runAgainst(fake.address, 'explain', ['a'])).stdout).toBe(
    'a RUNNING, and waits for nothing\n',
  )
  expect((await runAgainst(fake.address, 'explain', ['d'])).stdout).toBe(
    'd ERROR: no jar\n at \uFFFDx\n',
  )
  expect(asked(fake).slice(-3)).toEqual(['cluster', 'applications/d/explain', 'drivers/d/explain'])
})

test('--json has all that the master tells', async () => {
  const answer = { ...explainAnswer('d'), exception: null, waiting: true }
  await using fake = await start({ explained: { 'drivers/d': answer } })
  const { stdout } = await runAgainst(fake.address, 'explain', ['--json', 'd'])
  expect(JSON.parse(stdout)).toEqual(answer)
})

test('what is neither an application nor a driver: 5', async () => {
  await using fake = await start()
  const { status, stdout, stderr } = await runAgainst(fake.address, 'explain', ['x\u001B[2J'])
  expect([status, stdout, stderr]).toEqual([
    5,
    '',
    'magneto explain: the master knows no application and no driver x\uFFFD[2J: see magneto apps --all and magneto list --all\n',
  ])
})

test('H14: it is asked of the leader that a standby names', async () => {
  await using leader = await start({ explained: { 'drivers/d': explainAnswer('d') } })
  await using standby = await start({ cluster: { state: 'STANDBY' } })
  standby.play('/masters', () => ({ json: { leader: { masterUrl: `spark://${leader.address}` } } }))
  expect((await runAgainst(standby.address, 'explain', ['d'])).status).toBe(0)
})

test.each([[[]], [['a', 'b']]])('%j: it needs one id', async (argv) => {
  const { status, stderr } = await runAgainst('127.0.0.1:1', 'explain', argv)
  expect(status).toBe(2)
  expect(stderr).toMatch(/the id of an application or of a driver .*--help\)\n$/)
})

test('a master that is not there: 5', async () => {
  const { status, stderr } = await runAgainst('127.0.0.1:1', 'explain', ['a'])
  expect([status, stderr]).toEqual([
    5,
    'magneto explain: 127.0.0.1:1 does not answer: ECONNREFUSED; start a master there, or name another with --master\n',
  ])
})
