/** From the body of a submission to the driver that is asked for. */
import { describe, expect, test } from 'vitest'
import { wholePatterns } from '../../src/conf/parsers.js'
import { readCreateRequest } from '../../src/rest/create-request.js'
import { driverOf, type MasterFacts } from '../../src/rest/driver.js'
import { moduleOptions } from '../../src/rest/module-options.js'
import { PropertyT, ResourceAmountT } from '../../src/schema/magneto.js'
import { submission } from './harness.js'

const facts: MasterFacts = {
  masterUrl: 'spark://m:7077',
  restPorts: [6066, 6070],
  environment: {},
  allowedAppResources: [],
  useDriverIdAsAppName: false,
}

const read = (change: Record<string, unknown>) =>
  readCreateRequest(JSON.stringify(submission(change)))
const build = (change: Record<string, unknown>, master: Partial<MasterFacts> = {}) =>
  driverOf(read(change), { ...facts, ...master })
const withProperties = (sparkProperties: Record<string, unknown>, master?: Partial<MasterFacts>) =>
  build({ sparkProperties }, master)

describe('R5: the driver', () => {
  test('has defaults where nothing is asked for', () => {
    const driver = build({ environmentVariables: undefined, appArgs: undefined })
    expect(driver).toMatchObject({ memoryMb: 1024, cores: 1, supervise: false, resources: [] })
    expect(driver.command).toMatchObject({
      mainClass: 'org.apache.spark.deploy.worker.DriverWrapper',
      args: ['{{WORKER_URL}}', '{{USER_JAR}}', 'org.example.Main'],
      environment: [],
      classPath: [],
      libraryPath: [],
      sparkVersion: '4.3',
    })
  })

  test('P72: has what is asked for', () => {
    const driver = withProperties({
      'spark.driver.memory': '2g',
      'spark.driver.cores': 3,
      'spark.driver.supervise': true,
      'spark.driver.extraClassPath': '/a:/b:',
      'spark.driver.extraLibraryPath': '/c',
      'spark.driver.extraJavaOptions': `-Dx="a b" -Xss4m`,
      'spark.driver.defaultJavaOptions': '-XX:+UseZGC',
      'spark.driver.resource.gpu.amount': '2',
      'spark.driver.resource.gpu.discoveryScript': '/find',
      'spark.driver.resource.fpga.amount': '0',
    })
    expect(driver).toMatchObject({ memoryMb: 2048, cores: 3, supervise: true })
    expect(driver.resources).toEqual([new ResourceAmountT('gpu', 2)])
    const { classPath, libraryPath, javaOptions } = driver.command!
    expect([classPath, libraryPath]).toEqual([['/a', '/b'], ['/c']])
    const modules = moduleOptions('4.3')
    expect(javaOptions.slice(0, modules.length)).toEqual(modules)
    expect(javaOptions.slice(modules.length, modules.length + 2)).toEqual([
      '-Dspark.driver.memory=2g',
      '-Dspark.driver.cores=3',
    ])
    expect(javaOptions.slice(-4)).toEqual([
      '-Dspark.master=spark://m:7077',
      '-XX:+UseZGC',
      '-Dx=a b',
      '-Xss4m',
    ])
  })

  test('of SparkSubmit is told the name of the application', () => {
    const driver = build({ mainClass: 'org.apache.spark.deploy.SparkSubmit' })
    expect(driver.command!.args.slice(2)).toEqual([
      'org.apache.spark.deploy.SparkSubmit',
      '-c',
      'spark.app.name=Main',
      '10',
    ])
  })

  test('may run where the Spark of its client does', () => {
    const runtimes = (clientSparkVersion: string, properties: Record<string, string> = {}) =>
      build({ clientSparkVersion, sparkProperties: properties }).runtimes
    expect(runtimes('3.5.9')).toEqual(['spark-3.5-driver'])
    const all = ['3.5', '4.0', '4.1', '4.2', '4.3'].map((version) => `spark-${version}-driver`)
    expect(runtimes('')).toEqual(all)
    expect(runtimes('9.9.9')).toEqual(all)
    expect(runtimes('', { 'spark.magneto.sparkVersion': '4.0' })).toEqual(['spark-4.0-driver'])
    expect(() => runtimes('4.3.0', { 'spark.magneto.sparkVersion': '4.0' })).toThrow(
      "spark.magneto.sparkVersion is '4.0'; the client's version leaves Spark 4.3",
    )
  })

  test('gets the module options of its Spark', () => {
    const short = (version: Parameters<typeof moduleOptions>[0]) =>
      moduleOptions(version).filter((option) => !option.startsWith('--add-opens='))
    expect(short('3.5')).toEqual([
      '-XX:+IgnoreUnrecognizedVMOptions',
      '-Djdk.reflect.useDirectMethodHandle=false',
    ])
    expect(short('4.3')).toEqual([
      '-XX:+IgnoreUnrecognizedVMOptions',
      '--add-modules=jdk.incubator.vector',
      '-Dio.netty.tryReflectionSetAccessible=true',
      '-Dio.netty.allocator.type=pooled',
      '-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE',
      '--sun-misc-unsafe-memory-access=allow',
      '--enable-native-access=ALL-UNNAMED',
    ])
    expect(moduleOptions('4.1')).toHaveLength(22)
  })
})

describe('what of the request is changed', () => {
  test.each([
    [undefined, 'spark://m:7077'],
    ['spark://a:6066,b:6066', 'spark://a:7077,b:7077'],
    ['spark://a:6070', 'spark://a:7077'],
    ['spark://a:7078,b:60660', 'spark://a:7078,b:60660'],
  ])('R6: spark.master %s becomes %s', (given, expected) => {
    const { javaOptions } = withProperties(
      given === undefined ? {} : { 'spark.master': given },
    ).command!
    expect(javaOptions.filter((option) => option.startsWith('-Dspark.master'))).toEqual([
      `-Dspark.master=${expected}`,
    ])
  })

  test('R7: whole values in {{}} come from the environment of the master, where it has them', () => {
    const { javaOptions, environment } = build(
      {
        sparkProperties: { 'spark.a': '{{HERE}}', 'spark.b': 'x{{HERE}}', 'spark.c': '{{AWAY}}' },
        environmentVariables: { A: '{{HERE}}' },
      },
      { environment: { HERE: 'home' } },
    ).command!
    expect(javaOptions).toEqual(
      expect.arrayContaining(['-Dspark.a=home', '-Dspark.b=x{{HERE}}', '-Dspark.c={{AWAY}}']),
    )
    expect(environment).toEqual([new PropertyT('A', 'home')])
  })

  test("E20: variables that name the submitter's machine are left out", () => {
    const environmentVariables = {
      SPARK_LOCAL_IP: 'x',
      SPARK_LOCAL_HOSTNAME: 'y',
      SPARK_USER: 'me',
    }
    expect(build({ environmentVariables }).command!.environment).toEqual([
      new PropertyT('SPARK_USER', 'me'),
    ])
  })
})

describe('R3, R13: a submission is refused', () => {
  const property = (name: string, what: string, value: string): [object, string] => [
    { sparkProperties: { [name]: value } },
    `Property '${name}' expected ${what} value: actual was '${value}'.`,
  ]
  test.each([
    [
      { clientSparkVersion: null },
      "'clientSparkVersion' is missing in message CreateSubmissionRequest.",
    ],
    [{ sparkProperties: null }, 'No Spark properties set!'],
    [{ appResource: undefined }, "'appResource' is missing in message CreateSubmissionRequest."],
    [{ mainClass: null }, 'Main class is missing.'],
    [{ action: undefined }, 'Action field not found in JSON'],
    [{ appArgs: 'x' }, "'appArgs' is not an array of strings"],
    [{ appArgs: [null] }, "'appArgs'[0] is not a string"],
    [{ sparkProperties: { a: null } }, "'sparkProperties'.'a' is not a string"],
    [{ environmentVariables: [] }, "'environmentVariables' is not an object of strings"],
    property('spark.driver.supervise', 'boolean', 'yes'),
    property('spark.driver.cores', 'numeric', 'two'),
    property('spark.cores.max', 'numeric', ''),
    property('spark.driver.memory', 'memory', '1.5g'),
    property('spark.executor.memory', 'memory', 'much'),
    [
      { sparkProperties: { 'spark.driver.cores': '1.5' } },
      "spark.driver.cores is '1.5', which is no whole number from 0 to 2147483647",
    ],
    [
      { sparkProperties: { 'spark.driver.memory': '512' } },
      "spark.driver.memory is '512', which is 0 MiB; it takes a unit, such as 512m, and counts bytes without one",
    ],
    [
      { sparkProperties: { 'spark.driver.resource.gpu.vendor': 'x' } },
      'spark.driver.resource.gpu.amount is missing, which resource gpu needs',
    ],
  ])('%j', (change, message) => {
    const attempt = (): unknown => build(change as Record<string, unknown>)
    expect(attempt).toThrow(
      expect.objectContaining({ status: 400, message: `Malformed request: ${message}` }),
    )
  })

  test('that is no JSON object, or another message', () => {
    expect(() => readCreateRequest('{')).toThrow(/^Malformed request: the body is not JSON: /)
    expect(() => readCreateRequest('[]')).toThrow(
      'Malformed request: the body is not a JSON object',
    )
    expect(() => read({ action: 'KillSubmissionRequest' })).toThrow(
      'Received message of unexpected type KillSubmissionRequest.',
    )
  })

  test('whose Java options open a quote and never close it', () => {
    expect(() => withProperties({ 'spark.driver.extraJavaOptions': '-Da="b' })).toThrow(
      /^Malformed request: spark\.driver\.extraJavaOptions: /,
    )
  })

  test('R7: and a value that a placeholder brought is checked too', () => {
    expect(() =>
      withProperties({ 'spark.driver.resource.gpu.amount': '{{N}}' }, { environment: { N: 'x' } }),
    ).toThrow("spark.driver.resource.gpu.amount is 'x'")
  })

  test('V5: whose app resource no pattern matches as a whole', () => {
    const allowedAppResources = wholePatterns('file:/apps/.*, spark-internal')
    const of = (appResource: string) => () => build({ appResource }, { allowedAppResources })
    for (const bad of ['x-file:/apps/a', 'spark-internals', 'file:/app'])
      expect(of(bad)).toThrow('Malformed request: Valid application jar path is required')
    for (const good of ['file:/apps/a.jar', 'spark-internal']) expect(of(good)).not.toThrow()
  })
})
