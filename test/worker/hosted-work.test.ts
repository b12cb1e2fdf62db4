/** U21 to U23, J5, J6, P37, W17: what a worker shows of what it hosts and has hosted. */
import { describe, expect, test } from 'vitest'

import { encodeApplication, encodeDriver } from '../../src/control/codec.js'
import * as schema from '../../src/schema/magneto.js'
import { HostedWork, type HostedWorkOptions } from '../../src/worker/hosted-work.js'
import { firstPage } from '../../src/worker/web/first-page.js'
import { workerJson } from '../../src/worker/web/json.js'

const worker = {
  workerId: 'worker-1',
  address: 'here:4040',
  cores: 8,
  memoryMb: 4096,
  resources: [{ name: 'gpu', addresses: ['0', '1'] }],
}
const master = { url: 'spark://m:7077', webUiUrl: 'http://m:8080' }

function hosted(changes: Partial<HostedWorkOptions> = {}): HostedWork {
  return new HostedWork({
    retainedExecutors: 1000,
    retainedDrivers: 1000,
    redactionPattern: /secret|token/i,
    ...changes,
  })
}

function application(name = 'Pi'): Uint8Array {
  const command = new schema.JvmCommandT('org.example.Backend', ['--x', '{{CORES}}'])
  command.environment = [
    new schema.PropertyT('MY_TOKEN', 'abc'),
    new schema.PropertyT('HOME', '/h'),
  ]
  command.classPath = ['a.jar', 'b.jar']
  command.javaOptions = ['-Xss1m', '-Dmy.secret=s3']
  const profile = new schema.ResourceProfileT(0, 2, 1024, [new schema.ResourceAmountT('gpu', 1)])
  return encodeApplication(
    new schema.ApplicationDescriptionT(
      name,
      'ann',
      'http://driver:4040',
      null,
      null,
      profile,
      schema.Command.JvmCommand,
      command,
      'spark-4.3',
    ),
  )
}

function launch(work: HostedWork, appId: string, executorId: number, bytes = application()): void {
  const gpu = [new schema.ResourceT('gpu', ['1'])]
  work.executorLaunched(
    new schema.LaunchExecutorT('spark://m:7077', appId, executorId, 0, 2, 1024, gpu, bytes),
  )
}

function launchDriver(work: HostedWork, driverId: string): void {
  const command = new schema.JvmCommandT('Wrapper', ['{{WORKER_URL}}', '{{USER_JAR}}', 'org.Main'])
  const driver = new schema.DriverDescriptionT('file:/x.jar', 512, 1, false, command)
  driver.runtimes = ['spark-4.3-driver']
  work.driverLaunched(new schema.LaunchDriverT(driverId, encodeDriver(driver)))
}

const shown = (work: HostedWork) => ({ worker, lists: work.lists(), master, proxyBase: null })
const page = (work: HostedWork) => firstPage(shown(work))
const headings = (text: string) => [...text.matchAll(/<h2 id="[^"]*">([^<]*)</g)].map((m) => m[1])
const columns = (text: string) => [...text.matchAll(/<th scope="col">([^<]*)</g)].map((m) => m[1])

const exited = (exitStatus: number) => ({ kind: 'exited', exitStatus, message: '' }) as const
const failed = { kind: 'failed', message: 'no jar' } as const

describe('states', () => {
  test('U22: an executor is launching, running, and then exited, failed or killed', () => {
    const work = hosted()
    for (const id of [0, 1, 2, 3]) launch(work, 'app', id)
    work.executorStarted('app', 1)
    expect(work.lists().executors.map((one) => one.state)).toEqual([
      'LAUNCHING',
      'RUNNING',
      'LAUNCHING',
      'LAUNCHING',
    ])
    work.executorEnded('app', 1, exited(0))
    work.executorKilled('app', 2)
    work.executorEnded('app', 2, exited(143))
    work.executorEnded('app', 0, failed)
    const { executors, finishedExecutors } = work.lists()
    expect(executors.map((one) => one.executorId)).toEqual([3])
    expect(finishedExecutors.map((one) => [one.executorId, one.state])).toEqual([
      [1, 'EXITED'],
      [2, 'KILLED'],
      [0, 'FAILED'],
    ])
  })

  test('U23: a driver finishes, fails, is killed, or never ran and says why', () => {
    const work = hosted()
    for (const id of ['a', 'b', 'c', 'd', 'e']) launchDriver(work, id)
    work.driverEnded('a', { kind: 'exited', exitStatus: 0 })
    work.driverEnded('b', { kind: 'exited', exitStatus: 1 })
    work.driverKilled('c')
    work.driverEnded('c', { kind: 'exited', exitStatus: 143 })
    work.driverEnded('d', failed)
    expect(work.lists().drivers.map((one) => [one.driverId, one.state])).toEqual([['e', 'RUNNING']])
    expect(work.lists().finishedDrivers.map((one) => [one.state, one.notes])).toEqual([
      ['FINISHED', ''],
      ['FAILED', ''],
      ['KILLED', ''],
      ['ERROR', 'no jar'],
    ])
  })

  test('what is not known changes nothing', () => {
    const work = hosted()
    work.executorStarted('app', 0)
    work.executorKilled('app', 0)
    work.executorEnded('app', 0, failed)
    work.driverKilled('d')
    work.driverEnded('d', failed)
    launch(work, 'app', 0)
    work.executorEnded('app', 0, exited(0))
    expect(work.lists().finishedExecutors.map((one) => one.state)).toEqual(['EXITED'])
  })
})

test('P37, W17: when too many have ended, the oldest tenth goes', () => {
  const work = hosted({ retainedExecutors: 20, retainedDrivers: 0 })
  for (let id = 0; id < 21; id += 1) {
    launch(work, 'app', id)
    work.executorEnded('app', id, exited(0))
  }
  const ids = work.lists().finishedExecutors.map((one) => one.executorId)
  expect(ids).toEqual(Array.from({ length: 19 }, (_, at) => at + 2))
  launchDriver(work, 'd')
  work.driverEnded('d', failed)
  expect(work.lists().finishedDrivers).toEqual([])
})

test('a description that can not be read costs its row nothing else', () => {
  const work = hosted()
  launch(work, 'app', 0, new Uint8Array([1, 2, 3]))
  expect(work.lists().executors).toMatchObject([{ appId: 'app', application: { name: '' } }])
})

describe('U21: the page', () => {
  test('U21: lists but that of running executors appear when they have rows', () => {
    const work = hosted()
    expect(headings(page(work))).toEqual(['Running Executors (0)'])
    launch(work, 'app', 0)
    launch(work, 'app', 1)
    launchDriver(work, 'd')
    launchDriver(work, 'e')
    work.executorEnded('app', 1, exited(1))
    work.driverEnded('e', failed)
    expect(headings(page(work))).toEqual([
      'Running Executors (1)',
      'Running Drivers (1)',
      'Finished Executors (1)',
      'Finished Drivers (1)',
    ])
  })

  test('U22, U23: columns', () => {
    const work = hosted()
    launch(work, 'app', 0)
    launchDriver(work, 'd')
    const [executors, drivers] = [columns(page(work)).slice(0, 7), columns(page(work)).slice(7)]
    const both = ['State', 'Cores', 'Memory', 'Resources']
    expect(executors).toEqual(['ExecutorID', ...both, 'Job Details', 'Logs'])
    expect(drivers).toEqual(['DriverID', 'Main Class', ...both, 'Logs', 'Notes'])
  })

  test('U21, U22: what is used, and links that work below another path', () => {
    const work = hosted()
    launch(work, 'app', 0)
    launchDriver(work, 'd')
    const text = page(work)
    expect(text).toContain('8 (3 Used)')
    expect(text).toContain('4.0 GiB (1536.0 MiB Used)')
    expect(text).toContain('gpu: Free: [0] / Used: [1]')
    expect(text).toContain('href="logPage/?appId=app&amp;executorId=0&amp;logType=stderr"')
    expect(text).toContain('href="logPage/?driverId=d&amp;logType=stdout"')
    expect(text).toContain('org.Main')
    expect(text).not.toMatch(/href="\//)
  })

  test('U22: the name leads to the driver while the executor runs, through the master if asked to', () => {
    const work = hosted()
    launch(work, 'app', 0)
    expect(page(work)).not.toContain('http://driver:4040')
    work.executorStarted('app', 0)
    expect(page(work)).toContain('<a href="http://driver:4040/">Pi</a>')
    const proxied = firstPage({ ...shown(work), proxyBase: 'http://m:8080/proxy' })
    expect(proxied).toContain('<a href="http://m:8080/proxy/app/">Pi</a>')
    work.executorEnded('app', 0, exited(0))
    expect(page(work)).not.toContain('http://driver:4040')
  })

  test('U21: names of strangers stay text', () => {
    const work = hosted()
    launch(work, '<img src=x>', 0, application('<script>alert(1)</script>'))
    work.executorStarted('<img src=x>', 0)
    expect(page(work)).not.toMatch(
      /<img|<script(?! type="module" src="\.\/static\/live-page\.js"><)/,
    )
  })

  test('U28: it has no buttons', () => {
    const work = hosted()
    launch(work, 'app', 0)
    launchDriver(work, 'd')
    expect(page(work)).not.toMatch(/<form|<button/)
  })
})

describe('J5, J6: the JSON document', () => {
  test('J5, J6, J7: names, types and order; what looks secret is hidden', () => {
    const work = hosted()
    launch(work, 'app', 7)
    const document = workerJson(shown(work))
    const gpu = (addresses: string[]) => ({ gpu: { name: 'gpu', addresses } })
    const requirements = [{ name: 'gpu', amount: 1 }]
    const command =
      'Command(org.example.Backend,List(--x, {{CORES}}),' +
      'Map(MY_TOKEN -> *********(redacted), HOME -> /h),List(a.jar, b.jar),List(),' +
      'ArraySeq(-Xss1m, -Dmy.secret=*********(redacted)))'
    const expected = {
      id: 'worker-1',
      masterurl: 'spark://m:7077',
      masterwebuiurl: 'http://m:8080',
      cores: 8,
      coresused: 2,
      memory: 4096,
      memoryused: 1024,
      resources: gpu(['0', '1']),
      resourcesused: gpu(['1']),
      executors: [
        {
          id: 7,
          memory: 1024,
          resources: gpu(['1']),
          appid: 'app',
          appdesc: {
            name: 'Pi',
            cores: 0,
            memoryperexecutor: 1024,
            resourcesperexecutor: requirements,
            memoryperslave: 1024,
            resourcesperslave: requirements,
            user: 'ann',
            command,
          },
        },
      ],
      finishedexecutors: [],
    }
    expect(JSON.stringify(document)).toBe(JSON.stringify(expected))
  })

  test('J5: before any master', () => {
    const document = workerJson({ ...shown(hosted()), master: null })
    expect(document).toMatchObject({ masterurl: '', masterwebuiurl: '', coresused: 0 })
    expect(document['resourcesused']).toEqual({ gpu: { name: 'gpu', addresses: [] } })
  })
})
