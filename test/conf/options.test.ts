/** C1 to C17, E1 to E8: flags and variables of the daemons, and which of them wins. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

import { UsageError } from '../../src/conf/errors.js'
import { keys } from '../../src/conf/keys.js'
import {
  parseMasterOptions,
  parseWorkerOptions,
  type MasterOptions,
  type WorkerOptions,
} from '../../src/conf/options.js'

const folder = mkdtempSync(join(tmpdir(), 'magneto-options-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** No spark-defaults.conf in there, and no look at the machine's own name. */
const base = { SPARK_CONF_DIR: folder, SPARK_LOCAL_HOSTNAME: 'here' }
const master = 'spark://m:7077'

function parseMaster(argv: string[], env: NodeJS.ProcessEnv = {}): MasterOptions {
  const options = parseMasterOptions(argv, { ...base, ...env }, () => {})
  if ('help' in options) throw new Error('got help')
  return options
}

function parseWorker(argv: string[], env: NodeJS.ProcessEnv = {}): WorkerOptions {
  const options = parseWorkerOptions(argv, { ...base, ...env }, () => {})
  if ('help' in options) throw new Error('got help')
  return options
}

describe('master', () => {
  test('C3, C4: defaults', () => {
    expect(parseMaster([])).toMatchObject({ host: 'here', port: 7077, webUiPort: 8080 })
  })

  test.each<[string, string[], NodeJS.ProcessEnv, Partial<MasterOptions>]>([
    ['C2', ['-h', 'a'], {}, { host: 'a', publicHost: 'a' }],
    ['C2 long', ['--host', 'a'], {}, { host: 'a' }],
    ['with =', ['--host=a', '--port=2000'], {}, { host: 'a', port: 2000 }],
    ['C3', ['-p', '0'], {}, { port: 0 }],
    ['C4', ['--webui-port', '2001'], {}, { webUiPort: 2001 }],
    ['the last flag counts', ['-p', '2000', '--port', '3000'], {}, { port: 3000 }],
    ['E1 host', [], { SPARK_MASTER_HOST: 'e' }, { host: 'e' }],
    ['E1 port', [], { SPARK_MASTER_PORT: '2000' }, { port: 2000 }],
    ['E1 UI port', [], { SPARK_MASTER_WEBUI_PORT: '2000' }, { webUiPort: 2000 }],
    ['E2 obsolete', [], { SPARK_MASTER_IP: '10.0.0.1' }, { host: '10.0.0.1' }],
    ['E2 beaten', [], { SPARK_MASTER_IP: 'x', SPARK_MASTER_HOST: 'e' }, { host: 'e' }],
    ['C15 flag beats variable', ['-p', '2000'], { SPARK_MASTER_PORT: '3000' }, { port: 2000 }],
    ['an empty variable is none', [], { SPARK_MASTER_PORT: '' }, { port: 7077 }],
    ['E7', ['-h', 'a'], { SPARK_PUBLIC_DNS: 'pub' }, { host: 'a', publicHost: 'pub' }],
    ['E8', ['-h', 'a'], { SPARK_LOCAL_IP: '10.0.0.1' }, { webUiHost: '10.0.0.1' }],
    [
      'C15 the key beats the flag of the UI port',
      ['--webui-port', '2001'],
      { SPARK_MASTER_OPTS: '-Dspark.master.ui.port=2002' },
      { webUiPort: 2002 },
    ],
  ])('%s', (_name, argv, env, want) => {
    expect(parseMaster(argv, env)).toMatchObject(want)
  })

  test('C6: help', () => {
    expect(parseMasterOptions(['--help'], base)).toEqual({
      help: expect.stringContaining('Usage: Master'),
    })
  })
})

describe('worker', () => {
  test('C9 to C12: defaults', () => {
    const options = parseWorker([master], { MAGNETO_HOME: '/opt/m' })
    expect(options).toMatchObject({ host: 'here', port: 0, webUiPort: 8081, masterUrl: master })
    expect(options).toMatchObject({ cores: null, memoryMb: null, workDir: '/opt/m/work' })
    expect(options.sparkHomes).toEqual([])
  })

  test.each<[string, string[], NodeJS.ProcessEnv, Partial<WorkerOptions>]>([
    ['C8 list', ['spark://a:1,b:2'], {}, { masterUrl: 'spark://a:1,b:2' }],
    ['options after the master', [master, '-c', '3'], {}, { cores: 3 }],
    ['C10', ['-c', '3', master], {}, { cores: 3 }],
    ['C11', ['-m', '2g', master], {}, { memoryMb: 2048 }],
    ['C11 bytes', ['-m', '1073741824', master], {}, { memoryMb: 1024 }],
    ['C12', ['-d', '/w', master], {}, { workDir: '/w' }],
    ['E4 cores', [master], { SPARK_WORKER_CORES: '5' }, { cores: 5 }],
    ['E4 memory', [master], { SPARK_WORKER_MEMORY: '3g' }, { memoryMb: 3072 }],
    ['E4 port', [master], { SPARK_WORKER_PORT: '3000' }, { port: 3000 }],
    ['E4 UI port', [master], { SPARK_WORKER_WEBUI_PORT: '3000' }, { webUiPort: 3000 }],
    ['E4 dir', [master], { SPARK_WORKER_DIR: '/v' }, { workDir: '/v' }],
    ['C15', ['-c', '3', master], { SPARK_WORKER_CORES: '5' }, { cores: 3 }],
    [
      'C9, P36: the key beats the variable of the UI port',
      [master],
      { SPARK_WORKER_WEBUI_PORT: '3000', SPARK_WORKER_OPTS: '-Dspark.worker.ui.port=3001' },
      { webUiPort: 3001 },
    ],
    [
      'E12 Spark homes: the variable, then SPARK_HOME',
      [master],
      { MAGNETO_SPARK_HOMES: '/a:/b', SPARK_HOME: '/b' },
      { sparkHomes: ['/a', '/b'] },
    ],
    [
      'Spark homes: the key, then SPARK_HOME',
      [master],
      { SPARK_WORKER_OPTS: '-Dspark.magneto.sparkHomes=/a', SPARK_HOME: '/b' },
      { sparkHomes: ['/a', '/b'] },
    ],
    [
      'our own root is no Spark home',
      [master],
      { MAGNETO_HOME: '/opt/m', SPARK_HOME: '/opt/m' },
      { sparkHomes: [] },
    ],
  ])('%s', (_name, argv, env, want) => {
    expect(parseWorker(argv, env)).toMatchObject(want)
  })
})

describe('C5, C15: settings', () => {
  test('a later -D beats an earlier one, and both beat the file', () => {
    const path = file('p.conf', 'spark.deploy.defaultCores 1\nspark.deploy.maxDrivers 1\n')
    const { configuration } = parseMaster(['--properties-file', path], {
      SPARK_DAEMON_JAVA_OPTS: '-Dspark.deploy.defaultCores=2 -Dspark.worker.timeout=30',
      SPARK_MASTER_OPTS: '-Dspark.deploy.defaultCores=3',
      SPARK_WORKER_OPTS: '-Dspark.deploy.defaultCores=4',
    })
    expect(configuration.read(keys.defaultCores)).toBe(3)
    expect(configuration.read(keys.maxDrivers)).toBe(1)
    expect(configuration.read(keys.workerTimeoutMs)).toBe(30_000)
    expect(configuration.read(keys.recoveryTimeoutMs)).toBe(30_000)
  })

  test('E12, F2: spark-defaults.conf of SPARK_CONF_DIR is read unless a file is named', () => {
    const confDir = mkdtempSync(join(folder, 'conf-'))
    writeFileSync(join(confDir, 'spark-defaults.conf'), 'spark.deploy.spreadOut false\n')
    const env = { SPARK_CONF_DIR: confDir }
    expect(parseMaster([], env).configuration.read(keys.spreadOutApps)).toBe(false)
    const named = parseMaster(['--properties-file', file('empty.conf', '')], env)
    expect(named.configuration.read(keys.spreadOutApps)).toBe(true)
  })

  test('what has no effect is said, with where it was set', () => {
    const warnings: string[] = []
    const path = file('w.conf', 'spark.deploy.spreedOut false\nother 1\nspark.app.name x\n')
    const env = { ...base, SPARK_MASTER_OPTS: '-XX:+UseG1GC -Dspark.worker.resource.gpu.amount=1' }
    parseMasterOptions(['--properties-file', path], env, (text) => void warnings.push(text))
    expect(warnings).toEqual([
      `${path} line 2: other has no effect: not a spark.* key`,
      'SPARK_MASTER_OPTS: no effect without a JVM: -XX:+UseG1GC',
      `unknown key spark.deploy.spreedOut (set in ${path} line 1) has no effect; did you mean spark.deploy.spreadOut?`,
    ])
  })
})

describe('C5, F6, E6: what has no effect is said, briefly', () => {
  function warningsOf(argv: string[], env: NodeJS.ProcessEnv): string[] {
    const warnings: string[] = []
    parseMasterOptions(argv, { ...base, ...env }, (text) => void warnings.push(text))
    return warnings
  }

  test('each source of an unknown key is named, with its line', () => {
    const confDir = mkdtempSync(join(folder, 'unknown-'))
    writeFileSync(join(confDir, 'spark-defaults.conf'), '# a comment\nspark.worker.timout 1\n')
    writeFileSync(join(confDir, 'java-opts'), '-Xss1m\n-Dspark.master.ui.prot=1\n')
    const warnings = warningsOf([], {
      SPARK_CONF_DIR: confDir,
      SPARK_DAEMON_JAVA_OPTS: '-Dspark.deploy.maxDriver=1',
      SPARK_MASTER_OPTS: '-Dspark.magneto.sparkHome=/x -Dspark.worker.resource.gpu.amout=1',
    })
    const unknown = (key: string, place: string, nearest: string) =>
      `unknown key ${key} (set in ${place}) has no effect; did you mean ${nearest}?`
    expect(warnings).toEqual([
      `${join(confDir, 'java-opts')} line 1: no effect without a JVM: -Xss1m`,
      unknown(
        'spark.worker.timout',
        `${join(confDir, 'spark-defaults.conf')} line 2`,
        'spark.worker.timeout',
      ),
      unknown(
        'spark.master.ui.prot',
        `${join(confDir, 'java-opts')} line 2`,
        'spark.master.ui.port',
      ),
      unknown('spark.deploy.maxDriver', 'SPARK_DAEMON_JAVA_OPTS', 'spark.deploy.maxDrivers'),
      unknown('spark.magneto.sparkHome', 'SPARK_MASTER_OPTS', 'spark.magneto.sparkHomes'),
      unknown(
        'spark.worker.resource.gpu.amout',
        'SPARK_MASTER_OPTS',
        'spark.worker.resource.gpu.amount',
      ),
    ])
  })

  test('a file that holds something else makes a few lines, soon', () => {
    const line = (at: number) => `spark.deploy.key${at}${'x'.repeat(300)} 1\nother${at} 1\n`
    const path = file('wrong.conf', Array.from({ length: 5_000 }, (_, at) => line(at)).join(''))
    const warnings = warningsOf(['--properties-file', path], {})
    expect(warnings).toHaveLength(42)
    expect(warnings[20]).toBe(`${path}: and 4980 more lines that have no effect`)
    expect(warnings[41]).toBe('and 4980 more unknown keys that have no effect')
    expect(Math.max(...warnings.map(({ length }) => length))).toBeLessThan(500)
  })

  test('E6: variables that speak to a JVM are taken, and named', () => {
    const env = { SPARK_DAEMON_MEMORY: '2g', SPARK_DAEMON_CLASSPATH: '/x.jar' }
    expect(warningsOf([], env)).toEqual([
      'no effect without a JVM: SPARK_DAEMON_MEMORY, SPARK_DAEMON_CLASSPATH',
    ])
  })
})

describe('a promise that is not kept is refused, never ignored', () => {
  test.each([
    ['P57', 'spark.authenticate=true'],
    ['P58', 'spark.network.crypto.enabled=true'],
    ['P49', 'spark.ui.filters=x.Y'],
    ['P49, one of them', 'spark.ui.filters=org.apache.spark.ui.JWSFilter,x.Y'],
    ['P26', 'spark.master.rest.filters=x.Y'],
    ['P26, one of them', 'spark.master.rest.filters=org.apache.spark.ui.JWSFilter,x.Y'],
    ['P56, 4.2 on', 'spark.ui.jetty.sniHostCheckEnabled=true'],
    ['P56 of RPC', 'spark.ssl.rpc.enabled=TRUE'],
  ])('%s: %s', (_id, setting) => {
    const env = { SPARK_DAEMON_JAVA_OPTS: `-D${setting}` }
    const message = `${setting} (set in SPARK_DAEMON_JAVA_OPTS) asks for what this version does not`
    expect(() => parseMaster([], env)).toThrow(message)
    const masterAlone = setting.includes('rest')
    if (masterAlone) expect(() => parseWorker([master], env)).not.toThrow()
    else expect(() => parseWorker([master], env)).toThrow(message)
  })

  test.each(['spark.authenticate=false', 'spark.ssl.enabled=false', 'spark.ssl.protocol=TLSv1.3'])(
    '%s promises nothing',
    (setting) => {
      expect(() => parseMaster([], { SPARK_MASTER_OPTS: `-D${setting}` })).not.toThrow()
    },
  )

  test.each([
    'spark.master.rest.filters=org.apache.spark.ui.JWSFilter',
    'spark.ui.filters=org.apache.spark.ui.JWSFilter',
    'spark.acls.enable=true',
    'spark.ssl.enabled=true',
  ])('R17, P49, P50, P56: %s is kept', (setting) => {
    const env = { SPARK_DAEMON_JAVA_OPTS: `-D${setting}` }
    expect(() => parseMaster([], env)).not.toThrow()
    expect(() => parseWorker([master], env)).not.toThrow()
  })

  test('P55: what is logged of options has no secret in it', () => {
    const warnings: string[] = []
    const env = {
      ...base,
      SPARK_MASTER_OPTS: '-Djavax.net.ssl.trustStorePassword=hush -Dcolour=red -Xss1m',
      SPARK_DAEMON_JAVA_OPTS: '-Dspark.redaction.regex=(?i)password|colour',
    }
    parseMasterOptions([], env, (text) => void warnings.push(text))
    expect(warnings).toEqual([
      'SPARK_MASTER_OPTS: no effect without a JVM: -Djavax.net.ssl.trustStorePassword=*********(redacted) -Dcolour=*********(redacted) -Xss1m',
    ])
    const open = { ...base, SPARK_MASTER_OPTS: '-Dspark.authenticate.secret="hush' }
    expect(() => parseMasterOptions([], open)).toThrow(/^(?!.*hush).*never closed$/)
  })

  test.each(['NONE', 'FILESYSTEM', 'ROCKSDB', 'ZOOKEEPER', 'CUSTOM'])(
    'P1: recovery with %s is kept',
    (mode) => {
      const env = { SPARK_MASTER_OPTS: `-Dspark.deploy.recoveryMode=${mode.toLowerCase()}` }
      expect(parseMaster([], env).configuration.read(keys.recoveryMode)).toBe(mode)
    },
  )
})

describe('bad input is one clear error', () => {
  const bad = file('bad.conf', 'spark.x 1\nspark.worker.timeout soon\n')
  test.each<[string, string[], NodeJS.ProcessEnv, RegExp]>([
    ['C6 unknown flag', ['--frobnicate'], {}, /unknown option "--frobnicate".*--help/],
    ['C6 positional', ['extra'], {}, /unexpected argument "extra"/],
    ['C14 removed flag', ['-i', 'x'], {}, /removed in Spark 4\.0: use --host/],
    ['flag without value', ['--port'], {}, /--port needs a value/],
    ['help with value', ['--help=x'], {}, /takes no value/],
    ['C16 port', ['--port', '80'], {}, /--port: "80" is not a port/],
    ['port text', ['--port', 'x'], {}, /--port: "x" is not a port/],
    ['UI port', ['--webui-port', '70000'], {}, /--webui-port: "70000"/],
    ['C2 host', ['--host', '::1'], {}, /bad host "::1" for --host/],
    ['E1 port', [], { SPARK_MASTER_PORT: 'x' }, /SPARK_MASTER_PORT: "x"/],
    ['E1 host', [], { SPARK_MASTER_HOST: 'a b' }, /"a b" for SPARK_MASTER_HOST/],
    ['E8', [], { SPARK_LOCAL_IP: '1 2' }, /SPARK_LOCAL_IP/],
    ['C5 missing file', ['--properties-file', '/none'], {}, /"\/none" does not exist/],
    [
      'key in a file',
      ['--properties-file', bad],
      {},
      /spark\.worker\.timeout \(set in .*bad\.conf line 2\): "soon"/,
    ],
    [
      'Y6 unknown recovery mode',
      [],
      { SPARK_MASTER_OPTS: '-Dspark.deploy.recoveryMode=FLOPPY' },
      /spark\.deploy\.recoveryMode \(set in SPARK_MASTER_OPTS\): "FLOPPY" is not one of NONE, FILESYSTEM, ROCKSDB, ZOOKEEPER, CUSTOM/,
    ],
    ['C17', [], { SPARK_DAEMON_JAVA_OPTS: '-Xmx1g' }, /SPARK_DAEMON_JAVA_OPTS must not set/],
  ])('master: %s', (_name, argv, env, message) => {
    expect(() => parseMaster(argv, env)).toThrow(UsageError)
    expect(() => parseMaster(argv, env)).toThrow(message)
  })

  test.each<[string, string[], NodeJS.ProcessEnv, RegExp]>([
    ['C8 no master', [], {}, /the master is missing/],
    ['C8 two masters', [master, 'spark://n:1'], {}, /list several as spark:\/\/h1:p1,h2:p2/],
    ['C8 bad master', ['m:7077'], {}, /does not start with spark:\/\//],
    ['C10', ['-c', '0', master], {}, /--cores: "0"/],
    ['C11 fraction', ['-m', '1.5g', master], {}, /--memory: "1\.5g" is not a size/],
    ['C11 too small', ['-m', '1000', master], {}, /--memory: "1000" is less than 1 MiB/],
    ['C11 variable', [master], { SPARK_WORKER_MEMORY: 'lots' }, /SPARK_WORKER_MEMORY: "lots"/],
    ['C12', ['-d', '', master], {}, /--work-dir: "" is not a folder/],
    [
      'E5',
      [master],
      {
        SPARK_WORKER_INSTANCES: '2',
        SPARK_WORKER_OPTS: '-Dspark.shuffle.service.enabled=true',
      },
      /one worker a host/,
    ],
  ])('worker: %s', (_name, argv, env, message) => {
    expect(() => parseWorker(argv, env)).toThrow(UsageError)
    expect(() => parseWorker(argv, env)).toThrow(message)
  })

  test('a message stays on one line, whatever the input', () => {
    expect(() => parseMaster(['--port', '1\n2'])).toThrow(/^[^\n]*$/)
    expect(() => parseMaster(['--x\ny'])).toThrow(/^[^\n]*$/)
  })
})
