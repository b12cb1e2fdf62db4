/** Drivers that are no class of a jar: Python and R through SparkSubmit, and Node. */
import { describe, expect, test } from 'vitest'
import { readCreateRequest } from '../../src/rest/create-request.js'
import { driverOf, type MasterFacts } from '../../src/rest/driver.js'
import { PropertyT } from '../../src/schema/magneto.js'
import { submission } from './harness.js'

const facts: MasterFacts = {
  masterUrl: 'spark://m:7077',
  restPorts: [6066],
  environment: {},
  allowedAppResources: [],
  useDriverIdAsAppName: false,
}
const SPARK_SUBMIT = 'org.apache.spark.deploy.SparkSubmit'

const build = (change: Record<string, unknown>, master: Partial<MasterFacts> = {}) =>
  driverOf(readCreateRequest(JSON.stringify(submission(change))), { ...facts, ...master })

describe.each(['http://h/app.py', 'file:/app.R', 'hdfs://h/app.r'])('C21: %s', (appResource) => {
  const sparkProperties = {
    'spark.submit.deployMode': 'cluster',
    'spark.submit.pyFiles': 'a.py',
    'spark.app.name': 'A b',
    'spark.authenticate.secret': 'hush',
    'spark.hadoop.fs.s3a.access.key': 'hush',
  }

  test.each([[''], [undefined], [SPARK_SUBMIT]])(
    'with class %j is run by SparkSubmit',
    (mainClass) => {
      const driver = build({ appResource, mainClass, sparkProperties })
      expect(driver).toMatchObject({ jarUrl: appResource, nodeCommand: null })
      expect(driver.runtimes).toEqual(['spark-4.3-driver'])
      const { mainClass: wrapper, args, javaOptions } = driver.command!
      expect(wrapper).toBe('org.apache.spark.deploy.worker.DriverWrapper')
      expect(args).toEqual([
        '{{WORKER_URL}}',
        '{{USER_JAR}}',
        SPARK_SUBMIT,
        '-c',
        'spark.app.name=A b',
        '-c',
        'spark.submit.deployMode=client',
        '-c',
        'spark.submit.pyFiles=a.py',
        '-c',
        'spark.master=spark://m:7077',
        '{{USER_JAR}}',
        '10',
      ])
      expect(javaOptions).toContain('-Dspark.submit.deployMode=client')
      expect(javaOptions).toContain('-Dspark.hadoop.fs.s3a.access.key=hush')
      expect(javaOptions).not.toContain('-Dspark.submit.deployMode=cluster')
    },
  )

  test('with a class of its own is a jar like any other', () => {
    const { args } = build({ appResource, mainClass: 'a.B' }).command!
    expect(args).toEqual(['{{WORKER_URL}}', '{{USER_JAR}}', 'a.B', '10'])
  })
})

test('R5: SparkSubmit without a file, or with a jar, is what Spark makes of it', () => {
  for (const appResource of ['', 'file:/a.jar']) {
    const { args, environment } = build({ appResource, mainClass: SPARK_SUBMIT }).command!
    expect(args.slice(2)).toEqual([SPARK_SUBMIT, '-c', 'spark.app.name=Main', '10'])
    // Else it would run on itself alone, whatever spark.master says.
    const masters = environment.filter(({ key }) => key === 'MASTER')
    expect(masters.map(({ value }) => value)).toEqual(['spark://m:7077'])
  }
})

describe('a script of Node', () => {
  test.each([
    ['file:/app.js', ''],
    ['http://h/app.mjs', undefined],
    ['/app.cjs', 'node'],
  ])('%s with class %j needs no JVM', (appResource, mainClass) => {
    const driver = build({
      appResource,
      mainClass,
      environmentVariables: { A: 'b', SPARK_LOCAL_IP: 'x' },
      sparkProperties: {
        'spark.app.name': 'mine',
        'spark.master': 'spark://a:6066',
        'spark.driver.memory': '300m',
        'spark.magneto.driver.nodeOptions': '--enable-source-maps "--title=a b"',
      },
    })
    expect(driver).toMatchObject({ jarUrl: appResource, memoryMb: 300, cores: 1 })
    expect(driver.runtimes).toEqual(['node-driver'])
    expect(driver.command).toMatchObject({
      mainClass: appResource.replace(/.*\//, ''),
      args: [],
      javaOptions: [],
      environment: [],
    })
    expect(driver.nodeCommand).toMatchObject({
      modulePath: appResource,
      args: ['10'],
      nodeOptions: ['--enable-source-maps', '--title=a b'],
    })
    expect(driver.nodeCommand!.environment).toEqual([
      new PropertyT('MAGNETO_MASTER', 'spark://a:7077'),
      new PropertyT('MAGNETO_APP_NAME', 'mine'),
      new PropertyT('A', 'b'),
    ])
  })

  test('whose options open a quote and never close it is refused', () => {
    const sparkProperties = { 'spark.magneto.driver.nodeOptions': '"--a' }
    expect(() => build({ appResource: 'a.js', mainClass: '', sparkProperties })).toThrow(
      /^Malformed request: spark\.magneto\.driver\.nodeOptions: /,
    )
  })
})

test('R3: anything else needs a class', () => {
  for (const appResource of ['file:/a.jar', 'a.ts', ''])
    expect(() => build({ appResource, mainClass: '' })).toThrow(
      'Malformed request: Main class is missing.',
    )
})

describe("P30: the driver's id as the name of its application", () => {
  const byId = { useDriverIdAsAppName: true }

  test('takes the place of the name, and comes last', () => {
    const { javaOptions, args } = build({}, byId).command!
    const names = javaOptions.filter((option) => option.startsWith('-Dspark.app.name='))
    expect(names).toEqual(['-Dspark.app.name={{DRIVER_ID}}'])
    expect(javaOptions.at(-1)).toBe(names[0])
    expect(args).not.toContain('spark.app.name={{DRIVER_ID}}')
  })

  test('is told to SparkSubmit too, whether a name was given or not', () => {
    const given = build({ mainClass: SPARK_SUBMIT }, byId).command!
    const script = build({ mainClass: '', appResource: 'a.py', sparkProperties: {} }, byId).command!
    const none = build({ mainClass: SPARK_SUBMIT, sparkProperties: {} }, byId).command!
    const start = [SPARK_SUBMIT, '-c', 'spark.app.name={{DRIVER_ID}}']
    expect(given.args.slice(2)).toEqual([...start, '10'])
    expect(none.args.slice(2)).toEqual([...start, '10'])
    expect(script.args.slice(2, 5)).toEqual(start)
    expect(script.args.slice(-2)).toEqual(['{{USER_JAR}}', '10'])
  })
})
