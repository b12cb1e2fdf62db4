/** Class-data archives: which executor gets one, which lists its classes for one, and how one comes to be. No JVM: `java` is a script. */
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { createLogger } from '../../src/log/logger.js'
import {
  ARCHIVE,
  ArchiveFolder,
  LOCK_MS,
  NAMES,
} from '../../src/worker/class-data/archive-folder.js'
import {
  ClassDataChooser,
  type Choice,
  type JavaLaunch,
  type Training,
} from '../../src/worker/class-data/choose.js'
import { archiveClassPath } from '../../src/worker/class-data/class-path.js'
import { topNames } from '../../src/worker/class-data/jar-names.js'
import { archiveOptions } from '../../src/worker/class-data/java-options.js'
import { findJdk } from '../../src/worker/class-data/jdk.js'
import { makeArchive, type ArchiveResult } from '../../src/worker/class-data/make.js'
import { Guardian } from '../../src/worker/guardian.js'
import { GuardianLines } from '../../src/worker/guardian-lines.js'
import { jarOf } from './jar.js'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'magneto-class-data-'))
  await mkdir(join(root, 'jars'))
  await mkdir(join(root, 'conf'))
  await writeFile(join(root, 'jars', 'a.jar'), jarOf('org/a/A.class', 'META-INF/MANIFEST.MF'))
  await writeFile(join(root, 'jars', 'b.jar'), jarOf('org/b/B.class', 'inside.xml'))
  await writeFile(join(root, 'conf', 'spark-env.sh'), '')
  await makeJdk('17.0.15')
})
afterEach(() => rm(root, { recursive: true, force: true }))

const java = () => join(root, 'jdk', 'bin', 'java')
const jars = () => join(root, 'jars', '*')
const confDir = () => join(root, 'conf')
const archives = () => join(root, 'work', '.class-data')

/** @param body what `java` does */
async function makeJdk(version: string, body = 'exit 0', release = ''): Promise<void> {
  for (const folder of ['bin', 'lib/server'])
    await mkdir(join(root, 'jdk', folder), { recursive: true })
  await writeFile(join(root, 'jdk', 'release'), `JAVA_VERSION="${version}"\n${release}`)
  await writeFile(join(root, 'jdk', 'lib', 'server', 'libjvm.so'), '')
  await writeFile(join(root, 'jdk', 'lib', 'modules'), '')
  await writeFile(java(), `#!/bin/sh\n${body}\n`)
  await chmod(java(), 0o755)
}

function launch(changes: Partial<JavaLaunch> = {}): JavaLaunch {
  return {
    java: java(),
    environment: { PATH: process.env['PATH'] ?? '' },
    classPath: [`${confDir()}/`, jars(), '/etc/hadoop/'],
    confDir: confDir(),
    jars: jars(),
    options: ['-Dspark.driver.port=1', '--add-opens=java.base/java.lang=ALL-UNNAMED'],
    memoryMb: 512,
    ...changes,
  }
}

/** As the next worker, or the next launcher thread, would. */
const choose = (changes: Partial<JavaLaunch> = {}): Choice =>
  new ClassDataChooser(archives()).choose(launch(changes))

function training(changes: Partial<JavaLaunch> = {}): Training {
  const { training: found } = choose(changes)
  if (found === null) throw new Error('nobody is to list classes')
  return found
}

async function publish({ key }: Training): Promise<string> {
  const folder = new ArchiveFolder(archives())
  const workshop = folder.workshop()
  await writeFile(join(workshop, ARCHIVE), 'archive')
  await writeFile(join(workshop, NAMES), '["org","inside.xml"]')
  folder.publish(key, workshop)
  return join(archives(), key, ARCHIVE)
}

const plain: Choice = { options: [], classPath: [], training: null, problem: null }
const withoutArchive = (): Choice => ({ ...plain, classPath: launch().classPath })

describe('Java options', () => {
  test.each([
    ['what changes nothing', ['-Da=b', '-Xmx5g', '-XX:MaxDirectMemorySize=1g'], 512, []],
    ['a collector', ['-XX:+UseZGC', '-Da=b'], 512, ['-XX:+UseZGC']],
    ['modules', ['--add-modules=x', '-Da=b'], 512, ['--add-modules=x']],
    ['a heap of 32 GiB', [], 32_768, ['-XX:-UseCompressedOops']],
    ['one that says so', ['-XX:+UseCompressedOops'], 32_768, ['-XX:+UseCompressedOops']],
    ['an archive of its own', ['-XX:SharedArchiveFile=/mine'], 512, null],
    ['no archive', ['-Xshare:off'], 512, null],
    ['an AOT cache', ['-XX:AOTCache=/mine'], 512, null],
    ['an agent', ['-javaagent:/x.jar'], 512, null],
    ['other modules', ['--patch-module=java.base=/x'], 512, null],
    ['a value apart', ['--add-opens', 'java.base/java.lang=ALL-UNNAMED'], 512, null],
    ['a file of options', ['@/options'], 512, null],
  ])('%s', (_, options, memoryMb, wanted) => {
    expect(archiveOptions(options, memoryMb)).toEqual(wanted)
  })
})

describe('a class path', () => {
  const at = { confDir: '/conf', jars: '/jars/*' }
  test.each([
    ['has its configuration behind the jars', ['/conf/', '/jars/*', '/hadoop/'], ['/jars/*']],
    ['may have jars in front', ['/x.jar', '/conf/', '/jars/*'], ['/x.jar', '/jars/*']],
    ['has no archive with a folder in front', ['/classes/', '/conf/', '/jars/*'], null],
    ['has no archive with a relative entry', ['x.jar', '/jars/*'], null],
    ['has no archive without the jars', ['/conf/'], null],
  ])('%s', (_, entries, archived) => {
    expect(archiveClassPath(entries, at)?.archived ?? null).toEqual(archived)
  })

  test('keeps the order of all else', () => {
    const found = archiveClassPath(['/x.jar', '/conf/', '/api.jar', '/jars/*', '/hadoop/'], at)
    expect(found?.entries).toEqual(['/x.jar', '/api.jar', '/jars/*', '/conf/', '/hadoop/'])
  })
})

describe('a JDK', () => {
  test('is known by what changes with it', async () => {
    const found = findJdk(['/not/here/java', java()])
    expect(found).toMatchObject({ java: java(), major: 17 })
    await writeFile(join(root, 'jdk', 'lib', 'modules'), 'others')
    expect(findJdk([java()])?.identity).not.toBe(found?.identity)
  })

  test.each([
    ['11.0.2', ''],
    ['21', 'JVM_VARIANT="Openj9"'],
    ['unknown', ''],
  ])('of version %s %s has no archives', async (version, release) => {
    await makeJdk(version, '', release)
    expect(findJdk([java()])).toBeNull()
  })

  test('is not found around a program that only starts one', async () => {
    await rm(join(root, 'jdk', 'release'))
    expect(findJdk([java()])).toBeNull()
    expect(choose()).toEqual(withoutArchive())
  })
})

test('the top of a jar', async () => {
  const path = join(root, 'some.jar')
  await writeFile(path, jarOf('org/a/A.class', 'org/b/', 'log4j2.xml', 'é/x'))
  expect([...(await topNames(path))].sort()).toEqual(['log4j2.xml', 'org', 'é'].sort())
  await writeFile(path, (await readFile(path)).subarray(0, -1))
  await expect(topNames(path)).rejects.toThrow(/some\.jar: its list of entries is not found/)
})

describe('an executor', () => {
  test('is the first: it lists its classes, in the usual class path', () => {
    const { options, classPath, training: found, problem } = choose()
    expect(options).toEqual([`-XX:DumpLoadedClassList=${found?.classList}`, '-Xlog:cds*=off'])
    expect(dirname(found?.classList ?? '')).toBe(archives())
    expect({ classPath, problem }).toEqual({ classPath: launch().classPath, problem: null })
    expect(found).toMatchObject({
      java: java(),
      options: ['--add-opens=java.base/java.lang=ALL-UNNAMED'],
      classPath: [jars()],
    })
  })

  test('comes while another is at it, also on another worker: it starts as ever', () => {
    expect(choose().training).not.toBeNull()
    expect(choose()).toEqual(withoutArchive())
  })

  test('comes when who was at it has been gone for long: it lists its classes', async () => {
    const { key } = training()
    const lock = join(archives(), `${key}.lock`)
    const old = new Date(Date.now() - LOCK_MS - 1000)
    await utimes(lock, old, old)
    expect(training().key).toBe(key)
    expect(choose().training).toBeNull()
  })

  test('has an archive, whichever application it is of', async () => {
    const path = await publish(training())
    const found = choose({ options: ['-Dspark.driver.port=2', ...launch().options.slice(1)] })
    expect(found).toEqual({
      options: ['-Xshare:auto', `-XX:SharedArchiveFile=${path}`, '-Xlog:cds*=off'],
      classPath: [jars(), `${confDir()}/`, '/etc/hadoop/'],
      training: null,
      problem: null,
    })
  })

  test('lists its classes anew when somebody has removed the archive', async () => {
    const chooser = new ClassDataChooser(archives())
    const path = await publish(training())
    expect(chooser.choose(launch()).options).toContain(`-XX:SharedArchiveFile=${path}`)
    await rm(archives(), { recursive: true })
    expect(chooser.choose(launch()).training).not.toBeNull()
  })

  test('is told to be silent in the words of its JDK', async () => {
    await makeJdk('25.0.3')
    expect(choose().options[1]).toBe('-Xlog:cds*=off,aot*=off')
  })

  test('has none while its configuration hides what a jar has', async () => {
    await publish(training())
    await writeFile(join(confDir(), 'inside.xml'), '')
    expect(choose()).toEqual(withoutArchive())
    await rm(join(confDir(), 'inside.xml'))
    expect(choose().options).toHaveLength(3)
  })

  test('has none of another distribution, JDK or collector', async () => {
    const { key } = training()
    const others = [training({ options: ['-XX:+UseZGC'] }).key]
    await writeFile(join(root, 'jars', 'a.jar'), jarOf('org/a/Other.class'))
    others.push(training().key)
    await writeFile(join(root, 'jdk', 'lib', 'modules'), 'others')
    others.push(training().key)
    expect(new Set([key, ...others]).size).toBe(4)
  })

  test('notices a jar that came while the worker ran', async () => {
    const chooser = new ClassDataChooser(archives())
    const before = chooser.choose(launch()).training?.key
    await writeFile(join(root, 'jars', 'new.jar'), jarOf('x'))
    const old = new Date(1_000_000)
    await utimes(join(root, 'jars'), old, old)
    const after = chooser.choose(launch()).training?.key
    expect([typeof before, typeof after]).toEqual(['string', 'string'])
    expect(after).not.toBe(before)
  })

  test.each([{ JAVA_TOOL_OPTIONS: '-Xshare:off' }, { JDK_JAVA_OPTIONS: '-javaagent:x' }])(
    'has none when its environment says so: %o',
    (variables) => {
      expect(choose({ environment: { ...launch().environment, ...variables } })).toEqual(
        withoutArchive(),
      )
    },
  )

  test('starts all the same when the folder can not be written; that is told once', async () => {
    await writeFile(join(root, 'work'), 'no folder')
    const chooser = new ClassDataChooser(archives())
    const { problem, ...rest } = chooser.choose(launch())
    expect(problem).toMatch(/^executors start without class-data archive: .*ENOTDIR/)
    expect({ ...rest, problem: null }).toEqual(withoutArchive())
    expect(chooser.choose(launch())).toEqual(withoutArchive())
  })
})

describe('the folder', () => {
  test('keeps the eight archives used last, and nothing half done of yesterday', async () => {
    const folder = new ArchiveFolder(archives())
    const keys = Array.from({ length: 10 }, (_, at) => `a${at}`)
    await mkdir(archives(), { recursive: true })
    for (const [at, key] of keys.entries()) {
      await publish({ key } as Training)
      const used = new Date(Date.now() - at * 60_000)
      await utimes(join(archives(), key), used, used)
    }
    const old = new Date(Date.now() - 2 * 86_400_000)
    const left = ['making-1', 'k.lock', 'k-1.classlist']
    for (const name of left) await writeFile(join(archives(), name), '')
    for (const name of left) await utimes(join(archives(), name), old, old)
    await writeFile(join(archives(), 'new.lock'), '')
    folder.prune()
    expect((await readdir(archives())).sort()).toEqual([...keys.slice(0, 8), 'new.lock'])
  })

  test('keeps the first of two archives of the same', async () => {
    const one = training()
    const path = await publish(one)
    await writeFile(path, 'the first')
    await publish(one)
    expect(await readFile(path, 'utf8')).toBe('the first')
  })
})

describe('an archive is made', () => {
  const log = createLogger('Test', { level: 'silent' })
  const classes = ['java/lang/Object id: 0', 'org/apache/spark/executor/Executor$TaskRunner']
  /** A JVM that writes what it was asked for; one that lists and one that checks are no different here. */
  const dumps = `for arg; do case "$arg" in
    -XX:SharedClassListFile=*) list="\${arg#*=}";;
    -XX:SharedArchiveFile=*) archive="\${arg#*=}";;
    -Xshare:dump) dump=1;; esac; done
    [ -z "$dump" ] || cp "$list" "$archive"`
  let guardian: Guardian
  let lines: GuardianLines

  beforeEach(async () => {
    guardian = await Guardian.start({ log, killTimeoutMs: 1000 })
    lines = new GuardianLines(guardian.fd)
  })
  afterEach(async () => {
    lines.close()
    await guardian.close()
  })

  async function make(
    body: string,
    list: readonly string[] = classes,
    killed = new AbortController(),
  ): Promise<{ result: ArchiveResult; asked: Training; pids: number[] }> {
    await makeJdk('17.0.15', body)
    const asked = training()
    await writeFile(asked.classList, `${list.join('\n')}\norg/half`)
    const pids: number[] = []
    const result = await makeArchive(asked, {
      killed: killed.signal,
      guardian: lines,
      tell: (note) => {
        if (note.kind === 'started') pids.push(note.pid)
        if (body.includes('sleep')) killed.abort()
      },
    })
    expect(existsSync(asked.classList)).toBe(false)
    return { result, asked, pids }
  }
  const inFolder = () => readdir(archives())

  test('from the whole lines of a list, without classes of other loaders', async () => {
    const others = 'org/user/Job id: 7 super: 0 source: /srv/app/0/job.jar'
    const { result, asked, pids } = await make(dumps, [...classes, others])
    const bytes = classes.join('\n').length + 1
    expect(result).toEqual({ kind: 'made', bytes, classes: 2, unusedBecause: null })
    expect(pids).toHaveLength(2)
    expect(await inFolder()).toEqual([asked.key])
    expect((await readdir(join(archives(), asked.key))).sort()).toEqual([ARCHIVE, NAMES])
    expect(choose().options[1]).toContain(asked.key)
  })

  test('and goes unused beside a configuration that hides a jar', async () => {
    await writeFile(join(confDir(), 'inside.xml'), '')
    const { result } = await make(dumps)
    expect(result).toMatchObject({ kind: 'made' })
    expect(result).toHaveProperty('unusedBecause', expect.stringContaining('conf/inside.xml'))
  })

  test('not from an executor that has run nothing: the next one is asked', async () => {
    const { result, asked } = await make(dumps, ['java/lang/Object id: 0'])
    expect(result).toEqual({ kind: 'untrained' })
    expect(training().key).toBe(asked.key)
  })

  test.each([
    ['the dump fails', 'echo "no room"; exit 3', /java ended with 3: no room$/],
    ['no executor could use it', `${dumps}\n[ -n "$dump" ] || exit 1`, /ended with 1: /],
    ['nothing was written', 'exit 0', /ENOENT/],
  ])('not when %s; that is not tried again at once', async (_, body, message) => {
    const { result, asked } = await make(body)
    expect(result).toEqual({ kind: 'failed', message: expect.stringMatching(message) })
    expect(await inFolder()).toEqual([`${asked.key}.lock`])
    expect(choose()).toEqual(withoutArchive())
  })

  test('not when the worker stops: nothing is left of it, and the next one may begin', async () => {
    const { result, pids } = await make('exec sleep 600')
    expect(result).toMatchObject({ kind: 'failed' })
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
    expect(await inFolder()).toEqual([])
  })
})
