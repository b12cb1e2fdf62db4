import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { JvmCommandT, PropertyT } from '../../src/schema/magneto.js'
import { stderrHeader, substituteArgument } from '../../src/worker/command-line.js'
import { jvmPlan, type JvmRequest } from '../../src/worker/jvm-command.js'

let root = ''
const version4 = () => ({ path: join(root, 'spark-4'), version: '4.3.0', runtime: 'spark-4.3' })
const version3 = () => ({ path: join(root, 'spark-3'), version: '3.5.9', runtime: 'spark-3.5' })

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-jvm-'))
  for (const [home, slf4j] of [
    [version4(), 'slf4j-api-2.0.17.jar'],
    [version3(), 'slf4j-api-2.0.7.jar'],
  ] as const) {
    await mkdir(join(home.path, 'jars'), { recursive: true })
    await writeFile(join(home.path, 'jars', slf4j), '')
    await writeFile(join(home.path, 'jars', 'jcl-over-slf4j-2.jar'), '')
  }
  await mkdir(join(root, 'hadoop'))
  await mkdir(join(root, 'conf'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const args = words(
  '--driver-url spark://CoarseGrainedScheduler@localhost:39485',
  '--executor-id {{EXECUTOR_ID}} --hostname {{HOSTNAME}} --cores {{CORES}}',
  '--app-id {{APP_ID}} --worker-url {{WORKER_URL}} --resourceProfileId {{RESOURCE_PROFILE_ID}}',
)

function words(...lines: string[]): string[] {
  return lines.flatMap((text) => text.split(' '))
}

function command(changes: Partial<JvmCommandT> = {}): JvmCommandT {
  const made = new JvmCommandT('org.apache.spark.executor.CoarseGrainedExecutorBackend', args)
  made.environment = [new PropertyT('SPARK_USER', 'root')]
  made.classPath = ['/tmp/extra.jar']
  made.javaOptions = ['-Dx.app={{APP_ID}}', '-Dx.exec=e{{EXECUTOR_ID}}', '-Dx.q=a b']
  return Object.assign(made, changes)
}

function request(changes: Partial<JvmRequest> = {}): JvmRequest {
  return {
    command: command(),
    sparkHome: version4(),
    memoryMb: 512,
    values: {
      workerUrl: 'spark://Worker@127.0.0.1:33605',
      executorId: 3,
      hostname: '127.0.0.1',
      cores: 2,
      appId: 'app-1',
      profileId: 0,
    },
    localDirs: ['/scratch/a', '/scratch/b'],
    resourcesFile: null,
    workerEnv: {
      JAVA_HOME: '/usr/lib/jvm/worker',
      HADOOP_CONF_DIR: join(root, 'hadoop'),
      YARN_CONF_DIR: '/not/here',
      SPARK_DIST_CLASSPATH: '/tmp/dist.jar:/tmp/extra.jar',
      SPARK_HOME: '/of/magneto',
      HOME: '/root',
    },
    ownConfDir: '/of/magneto/conf',
    classData: null,
    ...changes,
  }
}

/** The tail that both versions share. */
const afterClassPath = [
  '-Xmx512M',
  '-Dx.app=app-1',
  '-Dx.exec=e3',
  '-Dx.q=a b',
  ...words(
    'org.apache.spark.executor.CoarseGrainedExecutorBackend',
    '--driver-url spark://CoarseGrainedScheduler@localhost:39485 --executor-id 3',
    '--hostname 127.0.0.1 --cores 2 --app-id app-1',
    '--worker-url spark://Worker@127.0.0.1:33605 --resourceProfileId 0',
  ),
]

async function line(changes: Partial<JvmRequest> = {}): Promise<string[]> {
  return jvmPlan(request(changes)).command
}

async function classPath(changes: Partial<JvmRequest> = {}): Promise<string[]> {
  const made = await line(changes)
  return (made[made.indexOf('-cp') + 1] ?? '').split(':')
}

describe('W6: the command line, word by word as an Apache worker writes it', () => {
  test('E16: Spark 4.3.0', async () => {
    const home = version4().path
    expect(await line()).toEqual([
      '/usr/lib/jvm/worker/bin/java',
      '-cp',
      `/tmp/extra.jar:${home}/conf:${home}/jars/slf4j-api-2.0.17.jar:${home}/jars/*:${root}/hadoop/:/not/here:/tmp/dist.jar`,
      ...afterClassPath,
    ])
  })

  test('Spark 3.5.9 has no jar before the others', async () => {
    const home = version3().path
    expect(await line({ sparkHome: version3() })).toEqual([
      '/usr/lib/jvm/worker/bin/java',
      '-cp',
      `/tmp/extra.jar:${home}/conf:${home}/jars/*:${root}/hadoop/:/not/here:/tmp/dist.jar`,
      ...afterClassPath,
    ])
  })

  test('F6: conf/java-opts comes right after the program', async () => {
    await writeFile(join(root, 'conf', 'java-opts'), `-Xss4m  "-Da=b c"\n\n-ea\n`)
    const environment = [new PropertyT('SPARK_CONF_DIR', join(root, 'conf'))]
    const made = await line({ command: command({ environment }) })
    expect(made.slice(1, 5)).toEqual(['-Xss4m', '-Da=b c', '-ea', '-cp'])
  })

  test('W8: assigned resources are named last', async () => {
    expect((await line({ resourcesFile: '/w/r.json' })).slice(-2)).toEqual([
      '--resourcesFile',
      '/w/r.json',
    ])
  })
})

describe('the conf folder of executors', () => {
  test('is that of SPARK_CONF_DIR, of the command before the worker', async () => {
    const workerEnv = { SPARK_CONF_DIR: '/etc/worker' }
    expect((await classPath({ workerEnv }))[1]).toBe('/etc/worker')
    const environment = [new PropertyT('SPARK_CONF_DIR', '/etc/app')]
    expect((await classPath({ workerEnv, command: command({ environment }) }))[1]).toBe('/etc/app')
  })

  test('is not that of Magneto itself', async () => {
    const workerEnv = { SPARK_CONF_DIR: '/of/magneto/conf' }
    expect((await classPath({ workerEnv }))[1]).toBe(join(version4().path, 'conf'))
    expect(jvmPlan(request({ workerEnv })).environment['SPARK_CONF_DIR']).toBeUndefined()
  })
})

describe('E15: java', () => {
  test('of the command before that of the worker', async () => {
    const environment = [new PropertyT('JAVA_HOME', '/jvm/app')]
    expect((await line({ command: command({ environment }) }))[0]).toBe('/jvm/app/bin/java')
  })

  test('else the one in the PATH', async () => {
    expect((await line({ workerEnv: {} }))[0]).toBe('java')
  })
})

describe('W7: substitution', () => {
  const { values } = request()

  test('whole arguments only', () => {
    expect(substituteArgument('{{CORES}}', values)).toBe('2')
    expect(substituteArgument('n={{CORES}}', values)).toBe('n={{CORES}}')
    expect(substituteArgument('{{USER_JAR}}', values)).toBe('{{USER_JAR}}')
  })

  test('a value with a dollar stays as it is', async () => {
    const odd = { ...values, appId: "a$&$'b" }
    expect(await line({ values: odd })).toContain("-Dx.app=a$&$'b")
  })
})

describe('E18: the environment', () => {
  test('holds what Spark sets, the command, and the rest of the worker', async () => {
    const { environment } = jvmPlan(request())
    expect(environment).toMatchObject({
      SPARK_EXECUTOR_DIRS: '/scratch/a:/scratch/b',
      SPARK_LAUNCH_WITH_SCALA: '0',
      SPARK_USER: 'root',
      SPARK_HOME: version4().path,
      HOME: '/root',
    })
    expect(environment['LD_LIBRARY_PATH']).toBeUndefined()
  })

  test('the library path: of the options, the command, the worker', async () => {
    const libraryPath = ['/lib/a', '/lib/b']
    const environment = [new PropertyT('LD_LIBRARY_PATH', '/lib/app')]
    const plan = jvmPlan(
      request({
        command: command({ libraryPath, environment }),
        workerEnv: { LD_LIBRARY_PATH: '/lib/worker' },
      }),
    )
    expect(plan.environment['LD_LIBRARY_PATH']).toBe('/lib/a:/lib/b:/lib/app:/lib/worker')
  })

  test('a channel to the parent of the worker is not passed on', async () => {
    const { environment } = jvmPlan(request({ workerEnv: { NODE_CHANNEL_FD: '3' } }))
    expect(environment['NODE_CHANNEL_FD']).toBeUndefined()
  })
})

describe('secrets', () => {
  test('W9: stand on no command line', async () => {
    const javaOptions = [
      '-Dspark.authenticate.secret=s3cret',
      '-Dspark.ssl.rpc.keyPassword=s3cret',
      '-Dspark.ssl.rpc.privateKeyPassword=s3cret',
      '-Dspark.ssl.rpc.keyStorePassword=s3cret',
      '-Dspark.ssl.rpc.trustStorePassword=s3cret',
      '-Dkept=1',
    ]
    const made = await line({ command: command({ javaOptions }) })
    expect(made.filter((word) => word.includes('s3cret'))).toEqual([])
    expect(made).toContain('-Dkept=1')
  })

  test('W10, P55: are redacted in the header', () => {
    const shown = ['java', '-Dmy.password=x', '-Da=my-token', '-Db=c', '--token', 'y']
    expect(stderrHeader(shown, /secret|password|token/gi)).toBe(
      'Spark Executor Command: "java" "-Dmy.password=*********(redacted)" ' +
        '"-Da=*********(redacted)" "-Db=c" "--token" "y"\n' +
        '========================================\n\n',
    )
  })
})
