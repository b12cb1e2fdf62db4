/** Drivers as real processes, through the real pool: its threads run the compiled code. No JVM: `java` is a script. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { encodeDriver } from '../../src/control/codec.js'
import { createLogger } from '../../src/log/logger.js'
import * as schema from '../../src/schema/magneto.js'
import { Guardian } from '../../src/worker/guardian.js'
import type { DriverLauncher } from '../../src/worker/launcher/driver-launcher.js'
import type { DriverResult } from '../../src/worker/launcher/request.js'
import type { LauncherThreads } from '../../src/worker/launcher/threads.js'
import type { WorkFolders } from '../../src/worker/launcher/work-folders.js'
import { isOwnDir } from '../../src/worker/work-dir.js'

type DriverModule = typeof import('../../src/worker/launcher/driver-launcher.js')
type ThreadsModule = typeof import('../../src/worker/launcher/threads.js')
type FoldersModule = typeof import('../../src/worker/launcher/work-folders.js')
const packageRoot = resolve(import.meta.dirname, '../..')
const compiled = join(packageRoot, 'dist/src/worker/launcher')
const load = async (name: string): Promise<unknown> =>
  import(pathToFileURL(join(compiled, name)).href)
const log = createLogger('Test', { level: 'silent' })

let root = ''
let guardian: Guardian
let threads: LauncherThreads
let folders: WorkFolders
let launcher: DriverLauncher
let ended: Map<string, (result: DriverResult) => void>
let server: Server | null = null

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-drivers-'))
  ended = new Map()
  guardian = await Guardian.start({ log, killTimeoutMs: 1000 })
  await mkdir(join(root, 'spark', 'jars'), { recursive: true })
  await makeLauncher()
})
afterEach(async () => {
  await launcher.close()
  await threads.close()
  await guardian.close()
  server?.closeAllConnections()
  server?.close()
  server = null
  await rm(root, { recursive: true, force: true })
})

/** @param killTimeoutMs nobody is killed in it who only has to come to his turn */
async function makeLauncher(killTimeoutMs = 60_000): Promise<void> {
  const { DriverLauncher: Compiled } = (await load('driver-launcher.js')) as DriverModule
  const { LauncherThreads: Threads } = (await load('threads.js')) as ThreadsModule
  const { WorkFolders: Folders } = (await load('work-folders.js')) as FoldersModule
  threads = new Threads({ log, guardian })
  folders = new Folders(threads, join(root, 'work'))
  launcher = new Compiled({
    settings: {
      workDir: join(root, 'work'),
      workerUrl: 'spark://Worker@here:1234',
      masterUrl: 'spark://there:7077',
      webUiUrl: 'http://here:8081',
      sparkHomes: [{ path: join(root, 'spark'), version: '3.5.9', runtime: 'spark-3.5' }],
      ownConfDir: join(root, 'conf'),
      redactionPattern: /secret/i,
      execPath: process.execPath,
      packageRoot,
      killTimeoutMs,
    },
    log,
    threads,
    folders,
    onEnded: (driverId, result) => ended.get(driverId)?.(result),
  })
}

const at = (id: string, ...path: string[]): string => join(root, 'work', id, ...path)
const read = (id: string, ...path: string[]): Promise<string> => readFile(at(id, ...path), 'utf8')

/** Waits until a file of a driver holds that. */
async function holds(path: string, what: string): Promise<void> {
  while (!(await readFile(path, 'utf8').catch(() => '')).includes(what)) {
    await new Promise((later) => setTimeout(later, 10))
  }
}

/** Waits until a process runs no more; its status may not have been asked for. */
async function ends(pid: string): Promise<void> {
  for (;;) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (status === '' || status.includes(') Z ')) return
    await new Promise((later) => setTimeout(later, 10))
  }
}

/** What every JVM of this test is. */
async function java(script: string): Promise<void> {
  await mkdir(join(root, 'jvm', 'bin'), { recursive: true })
  const path = join(root, 'jvm', 'bin', 'java')
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
}

function launch(
  driverId: string,
  description: schema.DriverDescriptionT,
  resources: schema.ResourceT[] = [],
): Promise<DriverResult> {
  const result = new Promise<DriverResult>((settle) => {
    ended.set(driverId, settle)
  })
  launcher.launch(new schema.LaunchDriverT(driverId, encodeDriver(description), resources))
  return result
}

function spark(jarUrl: string, javaOptions: string[] = []): schema.DriverDescriptionT {
  const args = ['{{WORKER_URL}}', '{{USER_JAR}}', 'Main']
  const command = new schema.JvmCommandT('DriverWrapper', args)
  command.environment = [new schema.PropertyT('JAVA_HOME', join(root, 'jvm'))]
  command.javaOptions = javaOptions
  const runtimes = ['spark-3.5-driver']
  return new schema.DriverDescriptionT(jarUrl, 64, 1, false, command, [], runtimes)
}

async function jar(): Promise<string> {
  await writeFile(join(root, 'job.jar'), 'bytes')
  return `file:${root}/job.jar`
}

function node(url: string, args: string[] = []): schema.DriverDescriptionT {
  const driver = new schema.DriverDescriptionT(url, 128, 1, false, new schema.JvmCommandT(''))
  driver.runtimes = ['node-driver']
  driver.nodeCommand = new schema.NodeCommandT(url, args)
  return driver
}

/** @returns its address, ending in a slash */
async function serve(answer: string | null): Promise<string> {
  server = createServer((_request, response) => {
    if (answer === null) response.write('x')
    else response.end(answer)
  })
  const made = server
  await new Promise<void>((listening) => {
    made.listen(0, '127.0.0.1', listening)
  })
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}/`
}

describe('a JVM driver', () => {
  test('W2, W7, W10, G4, G5: runs in its folder with its jar, and ends with its code', async () => {
    await java('pwd; printf "%s\\n" "$@"; echo "url=$SPARK_DRIVER_LOG_URL_STDERR"; exit 3')
    const gpus = [new schema.ResourceT('gpu', ['0', '2'])]
    const options = ['-Dmy.secret=x']
    const result = await launch('driver-1', spark(await jar(), options), gpus)
    expect(result).toEqual({ kind: 'exited', exitStatus: 3 })
    const [cwd, ...lines] = (await read('driver-1', 'stdout')).trim().split('\n')
    expect(cwd).toBe(at('driver-1'))
    const resources = at('driver-1', 'resource-driver-driver-1.json')
    expect(lines).toEqual([
      '-cp',
      `${root}/spark/conf:${root}/spark/jars/*`,
      '-Xmx64M',
      '-Dmy.secret=x',
      `-Dspark.driver.resourcesFile=${resources}`,
      'DriverWrapper',
      'spark://Worker@here:1234',
      at('driver-1', 'job.jar'),
      'Main',
      'url=http://here:8081/logPage/?driverId=driver-1&logType=stderr',
    ])
    expect(JSON.parse(await readFile(resources, 'utf8'))).toEqual([
      { id: { componentName: 'spark.driver', resourceName: 'gpu' }, addresses: ['0', '2'] },
    ])
    expect(await read('driver-1', 'job.jar')).toBe('bytes')
    const header = /^Launch Command: ".*java" "-cp" .*"-Dmy.secret=\*+\(redacted\)".*\n={40}\n\n$/
    expect(await read('driver-1', 'stderr')).toMatch(header)
    expect(await isOwnDir(join(root, 'work'), 'driver-1')).toBe(true)
  })

  test('T10: is started again while it fails, its logs growing on', async () => {
    const count = join(root, 'count')
    await java(`echo x >> ${count}; echo "run $(wc -l < ${count})"; [ $(wc -l < ${count}) -gt 1 ]`)
    const driver = spark(await jar())
    driver.supervise = true
    expect(await launch('d', driver)).toEqual({ kind: 'exited', exitStatus: 0 })
    expect(await read('d', 'stdout')).toBe('run 1\nrun 2\n')
    expect((await read('d', 'stderr')).match(/Launch Command/g)).toHaveLength(2)
  })

  test.each([
    ['its jar is not there', 'file:/nowhere/job.jar', /"file:\/nowhere\/job\.jar" can't be had/],
    [
      'there is no such host',
      'http://127.0.0.1:1/job.jar',
      /can't be had: .*ECONNREFUSED|bad port/,
    ],
  ])('fails when %s', async (_, url, message) => {
    await java('exit 0')
    const result = await launch('d', spark(url))
    expect(result).toEqual({ kind: 'failed', message: expect.stringMatching(message) as string })
  })

  test('fails when there is no java, no Spark, or no folder of that name', async () => {
    const noJava = await launch('d1', spark(await jar()))
    expect(noJava).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('jvm/bin/java'),
    })
    const other = spark(await jar())
    other.runtimes = ['spark-4.3-driver']
    const noSpark = await launch('d2', other)
    expect(noSpark).toMatchObject({ message: expect.stringContaining('it has 3.5.9') })
    const escaping = await launch('../d3', spark(await jar()))
    expect(escaping).toMatchObject({ message: expect.stringContaining('driver id "../d3"') })
  })
})

describe('T9, M16: a kill', () => {
  test('is TERM, which it may take in its own way', async () => {
    await java(`trap 'echo heard; exit 5' TERM; echo up; while :; do sleep 0.05; done`)
    const over = launch('d', spark(await jar()))
    await holds(at('d', 'stdout'), 'up')
    launcher.kill('d')
    expect(await over).toEqual({ kind: 'exited', exitStatus: 5 })
    expect(await read('d', 'stdout')).toBe('up\nheard\n')
  })

  test('is KILL, after some time, for one that ignores TERM', async () => {
    const killTimeoutMs = 300
    await threads.close()
    await makeLauncher(killTimeoutMs)
    await java(`trap '' TERM; echo up; while :; do sleep 0.05; done`)
    const over = launch('d', spark(await jar()))
    await holds(at('d', 'stdout'), 'up')
    const begunMs = performance.now()
    launcher.kill('d')
    expect(await over).toEqual({ kind: 'exited', exitStatus: 137 })
    expect(performance.now() - begunMs).toBeGreaterThanOrEqual(killTimeoutMs)
  })

  test('ends the wait for the next attempt', async () => {
    // The second comes after a second, for a test that stood still so long; a kill ends it like the first.
    await java(`trap 'exit 1' TERM
      if [ -e ${root}/first ]; then while :; do sleep 0.05; done; fi
      echo $$ > ${root}/first; echo failed; exit 1`)
    const driver = spark(await jar())
    driver.supervise = true
    const over = launch('d', driver)
    await holds(at('d', 'stdout'), 'failed')
    const pid = (await readFile(join(root, 'first'), 'utf8')).trim()
    await ends(pid)
    launcher.kill('d')
    expect(await over).toEqual({ kind: 'exited', exitStatus: 1 })
    expect(await read('d', 'stdout')).toBe('failed\n')
  })

  test('ends the fetching of its jar', async () => {
    const over = launch('d', spark(`${await serve(null)}job.jar`))
    await holds(at('d', '.job.jar.part'), 'x')
    launcher.kill('d')
    expect(await over).toEqual({ kind: 'failed', message: 'Killed while its jar was fetched' })
    expect(await readdir(at('d'))).toEqual(['.magneto-application'])
  })

  test('of one that is not here does nothing', () => {
    launcher.kill('nobody')
  })

  test('W18: comes for all with the end of the launcher', async () => {
    await java('echo up; exec sleep 60')
    const first = launch('d1', spark(await jar()))
    const second = launch('d2', spark(await jar()))
    await Promise.all([holds(at('d1', 'stdout'), 'up'), holds(at('d2', 'stdout'), 'up')])
    await launcher.close()
    expect(await first).toEqual({ kind: 'exited', exitStatus: 143 })
    expect(await second).toEqual({ kind: 'exited', exitStatus: 143 })
  })
})

test('W16: the folder of a live driver stays, that of an ended one may go', async () => {
  await java('echo up; exec sleep 60')
  const over = launch('d', spark(await jar()))
  await holds(at('d', 'stdout'), 'up')
  const future = (): number => Date.now() + 3_600_000
  expect(await folders.listDirs()).toEqual(['d'])
  expect(folders.isLive('d')).toBe(true)
  expect(await folders.removeExpiredDir('d', future())).toBe(false)
  launcher.kill('d')
  await over
  expect(await folders.removeExpiredDir('d', future())).toBe(true)
})

describe("W14: through Spark's Hadoop", () => {
  /** As FsShell: -conf FILE -get URL DESTINATION. Runs as the driver too, which it tells by its arguments. */
  const fsShell = (body: string) =>
    `case "$*" in *FsShell*) ;; *) echo driver; exit 0 ;; esac
     while [ "$1" != -conf ]; do shift; done
     ${body}`

  test('settings come by a file that only the worker reads, and none by argument', async () => {
    await java(
      fsShell(`cp "$2" ${root}/seen.xml; stat -c %a "$2" > ${root}/mode
      printf '%s\\n' "$*" > ${root}/args; printf jar > "$5"`),
    )
    const options = [
      '-Dspark.hadoop.fs.s3a.secret.key=a<b&c>d',
      '-Dspark.hadoop.k=old',
      '-Dspark.hadoop.k=new',
      '-Dspark.app.name=x',
    ]
    const result = await launch('d', spark('s3a://bucket/a/job.jar', options))
    expect(result).toEqual({ kind: 'exited', exitStatus: 0 })
    expect(await read('d', 'job.jar')).toBe('jar')
    expect(await read('d', 'stdout')).toBe('driver\n')
    expect(await readFile(join(root, 'seen.xml'), 'utf8')).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<configuration>\n' +
        '  <property><name>fs.s3a.secret.key</name><value>a&lt;b&amp;c&gt;d</value></property>\n' +
        '  <property><name>k</name><value>new</value></property>\n</configuration>\n',
    )
    expect(await readFile(join(root, 'mode'), 'utf8')).toBe('600\n')
    const args = await readFile(join(root, 'args'), 'utf8')
    expect(args).toMatch(/^-conf \S+\/conf\.xml -get s3a:\/\/bucket\/a\/job\.jar \S+\.part\n$/)
    const left = (await readdir(at('d'))).filter((name) => name.startsWith('.'))
    expect(left).toEqual(['.magneto-application'])
  })

  test.each([
    ['what its command says', 'get: no such file', ['warning', 'get: no such file', 'Usage: fs']],
    [
      'a cause',
      'Caused by: no class',
      ['Exception', '	at X.y', 'Caused by: no class', '	... 15'],
    ],
    ['its last line', 'killed', ['first', 'killed', '', '	at X.y']],
  ])('a failure is told by %s', async (_, told, lines) => {
    await writeFile(join(root, 'words'), lines.join('\n'))
    await java(fsShell(`cat ${root}/words >&2; exit 1`))
    expect(await launch('d', spark('hdfs://nn/job.jar'))).toEqual({
      kind: 'failed',
      message: expect.stringContaining(`Hadoop failed with 1: ${told}; name a URL`),
    })
    expect(await readdir(at('d'))).toEqual(['.magneto-application'])
  })

  test('a kill ends it', async () => {
    await java(fsShell(`touch ${root}/up; exec sleep 60`))
    const over = launch('d', spark('hdfs://nn/job.jar'))
    while ((await stat(join(root, 'up')).catch(() => null)) === null) {
      await new Promise((later) => setTimeout(later, 10))
    }
    launcher.kill('d')
    expect(await over).toEqual({ kind: 'failed', message: 'Killed while its jar was fetched' })
    expect(await readdir(at('d'))).toEqual(['.magneto-application'])
  })
})

describe('a Node driver', () => {
  test('runs where it is, beside its modules, in its own folder', async () => {
    await mkdir(join(root, 'app', 'node_modules', 'friend'), { recursive: true })
    await writeFile(
      join(root, 'app', 'node_modules', 'friend', 'index.js'),
      `module.exports = 'hello'`,
    )
    const script = join(root, 'app', 'job.mjs')
    await writeFile(
      script,
      `import friend from 'friend'
       console.log(friend, process.cwd(), process.execArgv.join(), process.argv.slice(2).join())
       console.log(process.env.MAGNETO_MASTER, process.env.MAGNETO_DRIVER_RESOURCES_FILE)`,
    )
    const gpus = [new schema.ResourceT('gpu', ['0'])]
    expect(await launch('d', node(script, ['a', 'b']), gpus)).toEqual({
      kind: 'exited',
      exitStatus: 0,
    })
    expect(await read('d', 'stdout')).toBe(
      `hello ${at('d')} --max-old-space-size=128 a,b\n` +
        `spark://there:7077 ${at('d', 'resource-driver-d.json')}\n`,
    )
    expect(await read('d', 'stderr')).toMatch(/^Launch Command: "/)
  })

  test('is fetched, and finds this package then', async () => {
    const script = `import { ClusterPool } from 'magneto'; console.log(ClusterPool.name)`
    const url = `${await serve(script)}job.mjs`
    expect(await launch('d', node(url))).toEqual({ kind: 'exited', exitStatus: 0 })
    expect(await read('d', 'stdout')).toBe('ClusterPool\n')
  })

  test('is not fetched by what it has not: a Spark distribution', async () => {
    const result = await launch('d', node('hdfs://nn/job.mjs'))
    expect(result).toMatchObject({ message: expect.stringContaining('no Spark here') })
  })
})
