/** W7, W9, W14, W15, E19, G5: the command lines and environments of drivers. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { JvmCommandT, NodeCommandT, PropertyT } from '../../src/schema/magneto.js'
import { stderrHeader } from '../../src/worker/command-line.js'
import {
  driverJvmPlan,
  driverNodePlan,
  type DriverJvmRequest,
  type DriverNodeRequest,
} from '../../src/worker/driver-command.js'

const WORKER = 'spark://Worker@127.0.0.1:33605'
let root = ''

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-driver-command-'))
  await mkdir(join(root, 'spark', 'jars'), { recursive: true })
  await writeFile(join(root, 'spark', 'jars', 'slf4j-api-2.0.17.jar'), '')
})
afterAll(() => rm(root, { recursive: true, force: true }))

function wrapper(...args: string[]): JvmCommandT {
  return new JvmCommandT('org.apache.spark.deploy.worker.DriverWrapper', [
    '{{WORKER_URL}}',
    '{{USER_JAR}}',
    ...args,
  ])
}

function request(command: JvmCommandT, changes: Partial<DriverJvmRequest> = {}): DriverJvmRequest {
  return {
    command,
    sparkHome: { path: join(root, 'spark'), version: '4.3.0', runtime: 'spark-4.3' },
    memoryMb: 512,
    values: { workerUrl: WORKER, userJar: '/spark/driver-1/job.jar' },
    resourcesFile: null,
    variables: {},
    workerEnv: { JAVA_HOME: '/jvm', HOME: '/home/spark', SPARK_HOME: '/of/magneto' },
    ownConfDir: '/of/magneto/conf',
    ...changes,
  }
}

describe('W15: a JVM driver', () => {
  test('its whole command line', async () => {
    const command = wrapper('org.example.Main', 'a b')
    command.classPath = ['/extra.jar']
    command.javaOptions = ['-Dspark.app.name=x', '-Dspark.app.id={{APP_ID}}']
    const home = join(root, 'spark')
    expect((await driverJvmPlan(request(command))).command).toEqual([
      '/jvm/bin/java',
      '-cp',
      `/extra.jar:${home}/conf:${home}/jars/slf4j-api-2.0.17.jar:${home}/jars/*`,
      '-Xmx512M',
      '-Dspark.app.name=x',
      // Of executors alone.
      '-Dspark.app.id={{APP_ID}}',
      'org.apache.spark.deploy.worker.DriverWrapper',
      WORKER,
      '/spark/driver-1/job.jar',
      'org.example.Main',
      'a b',
    ])
  })

  test.each([
    ['Python', 'job.py'],
    ['R', 'job.R'],
  ])('of %s: Spark submits the script that was fetched, named twice (W7)', async (_, script) => {
    const main = 'org.apache.spark.deploy.SparkSubmit'
    const command = wrapper(main, '-c', 'k={{USER_JAR}}', '{{USER_JAR}}', '{{EXECUTOR_ID}}')
    const values = { workerUrl: WORKER, userJar: `/spark/driver-1/${script}` }
    const plan = await driverJvmPlan(request(command, { values }))
    expect(plan.command.slice(-7)).toEqual([
      WORKER,
      `/spark/driver-1/${script}`,
      main,
      '-c',
      // Whole arguments only.
      'k={{USER_JAR}}',
      `/spark/driver-1/${script}`,
      '{{EXECUTOR_ID}}',
    ])
  })

  test("SPARK_HOME is the distribution's, whatever the submitter's machine calls it", async () => {
    const command = wrapper('Main')
    command.environment = [new PropertyT('SPARK_HOME', '/of/the/client'), new PropertyT('A', 'b')]
    const { environment } = await driverJvmPlan(request(command))
    expect(environment).toMatchObject({
      SPARK_HOME: join(root, 'spark'),
      A: 'b',
      HOME: '/home/spark',
    })
  })

  test('W9: secrets stand on no command line and come by environment', async () => {
    const command = wrapper('Main')
    command.javaOptions = [
      '-Dspark.authenticate.secret=s3cret=1',
      '-Dspark.ssl.rpc.keyPassword=s3cret2',
      '-Dspark.ssl.rpc.privateKeyPassword=s3cret3',
      '-Dspark.ssl.rpc.keyStorePassword=s3cret4',
      '-Dspark.ssl.rpc.trustStorePassword=s3cret5',
    ]
    command.environment = [new PropertyT('_SPARK_SSL_RPC_TRUST_STORE_PASSWORD', 'given')]
    const plan = await driverJvmPlan(request(command))
    expect(plan.command.join(' ')).not.toContain('s3cret')
    expect(plan.environment).toMatchObject({
      _SPARK_AUTH_SECRET: 's3cret=1',
      _SPARK_SSL_RPC_KEY_PASSWORD: 's3cret2',
      _SPARK_SSL_RPC_PRIVATE_KEY_PASSWORD: 's3cret3',
      _SPARK_SSL_RPC_KEY_STORE_PASSWORD: 's3cret4',
      _SPARK_SSL_RPC_TRUST_STORE_PASSWORD: 'given',
    })
  })

  test('G5: assigned resources are named by the last option', async () => {
    const command = wrapper('Main')
    command.javaOptions = ['-Da=b']
    const plan = await driverJvmPlan(request(command, { resourcesFile: '/w/r.json' }))
    const at = plan.command.indexOf(String(command.mainClass))
    expect(plan.command.slice(at - 2, at)).toEqual([
      '-Da=b',
      '-Dspark.driver.resourcesFile=/w/r.json',
    ])
  })

  test('E19: what the worker sets counts before the command', async () => {
    const command = wrapper('Main')
    command.environment = [new PropertyT('SPARK_DRIVER_LOG_URL_STDOUT', 'of the client')]
    const variables = { SPARK_DRIVER_LOG_URL_STDOUT: 'http://here' }
    const { environment } = await driverJvmPlan(request(command, { variables }))
    expect(environment).toMatchObject(variables)
  })

  test('W10: its header is Spark’s for drivers, redacted', () => {
    expect(stderrHeader(['java', '-Dmy.password=x'], /password/, 'driver')).toBe(
      `Launch Command: "java" "-Dmy.password=*********(redacted)"\n${'='.repeat(40)}\n\n`,
    )
  })
})

describe('a Node driver', () => {
  const node = (changes: Partial<DriverNodeRequest> = {}) =>
    driverNodePlan({
      command: new NodeCommandT(
        'file:/job.mjs',
        ['{{USER_JAR}}', 'b'],
        [],
        ['--enable-source-maps'],
      ),
      execPath: '/usr/bin/node',
      script: '/job.mjs',
      memoryMb: 256,
      masterUrl: 'spark://a:7077,b:7077',
      resourcesFile: null,
      variables: {},
      workerEnv: { HOME: '/home/spark', NODE_CHANNEL_FD: '3' },
      ...changes,
    })

  test('its command line and environment', () => {
    expect(node()).toEqual({
      command: [
        '/usr/bin/node',
        '--max-old-space-size=256',
        '--enable-source-maps',
        '/job.mjs',
        '{{USER_JAR}}',
        'b',
      ],
      environment: { HOME: '/home/spark', MAGNETO_MASTER: 'spark://a:7077,b:7077' },
      stdin: 'ignore',
    })
  })

  test('no limit of memory, resources, a master of its own', () => {
    const environment = [new PropertyT('MAGNETO_MASTER', 'spark://c:7077')]
    const command = new NodeCommandT('m', [], environment)
    const plan = node({ command, memoryMb: 0, resourcesFile: '/r.json', variables: { A: 'b' } })
    expect(plan.command).toEqual(['/usr/bin/node', '/job.mjs'])
    expect(plan.environment).toEqual({
      HOME: '/home/spark',
      MAGNETO_MASTER: 'spark://c:7077',
      MAGNETO_DRIVER_RESOURCES_FILE: '/r.json',
      A: 'b',
    })
  })
})
