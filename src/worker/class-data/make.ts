/**
 * Makes one archive, in a launcher's thread: a JVM of its own dumps the classes that an executor has listed, at a
 * low priority, and another one shows that an executor can use it.
 */
import { open, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'

import { inheritedEnvironment } from '../command-line.js'
import type { TaskContext } from '../launcher/task.js'
import { endWithin, startProcess } from '../launcher/watched-process.js'
import { ARCHIVE, ArchiveFolder, NAMES } from './archive-folder.js'
import { OPTION_VARIABLES, type Training } from './choose.js'
import { jarsOf, shadowed } from './class-path.js'
import { topNames } from './jar-names.js'

/** `untrained`: the executor has run no task, or its list is gone; the next one is asked. */
export type ArchiveResult =
  | { kind: 'made'; bytes: number; classes: number; unusedBecause: string | null }
  | { kind: 'untrained' }
  | { kind: 'failed'; message: string }

/** It lists several thousand classes of 60 bytes. */
const MAX_LIST_BYTES = 32 * 2 ** 20
/** Loaded when an executor begins its first task. */
const AT_WORK = /^org\/apache\/spark\/executor\/Executor\$TaskRunner\b/m
/** Of other class loaders than the application's: no archive of this kind has them. */
const OF_OTHER_LOADERS = / source: /
const DUMP_TIMEOUT_MS = 600_000
const CHECK_TIMEOUT_MS = 60_000
const KILL_TIMEOUT_MS = 5000
/** It holds the jars' classes once; executors have the rest of the memory. */
const HEAP = '-Xmx512m'
/** Behind all executors; with 19 it would not be done on a machine that is busy for hours. */
const NICENESS = '10'
/** An archive may not be what fills the disk. */
const MIN_FREE_BYTES = 2 ** 30
const SHOWN_CHARACTERS = 300

/** Never rejects. */
export async function makeArchive(request: Training, context: TaskContext): Promise<ArchiveResult> {
  const { key, classList } = request
  const folder = new ArchiveFolder(dirname(classList))
  try {
    const classes = await listed(classList)
    if (classes === null) {
      folder.giveUp(key)
      return { kind: 'untrained' }
    }
    const { bavail, bsize } = await statfs(folder.path)
    if (bavail * bsize < MIN_FREE_BYTES) throw new Error(`${folder.path} has less than 1 GiB free`)
    const workshop = folder.workshop()
    try {
      return await make(request, context, { folder, workshop, classes })
    } finally {
      await rm(workshop, { recursive: true, force: true })
      folder.prune()
    }
  } catch (error) {
    // The next worker need not wait for what this one has begun.
    if (context.killed.aborted) folder.giveUp(key)
    return { kind: 'failed', message: (error as Error).message }
  } finally {
    await rm(classList, { force: true }).catch(() => {})
  }
}

async function make(
  request: Training,
  context: TaskContext,
  { folder, workshop, classes }: { folder: ArchiveFolder; workshop: string; classes: string[] },
): Promise<ArchiveResult> {
  const { java, options, classPath, confDir, key } = request
  const list = join(workshop, 'list')
  const archive = join(workshop, ARCHIVE)
  await writeFile(list, `${classes.join('\n')}\n`)
  const at = [`-XX:SharedArchiveFile=${archive}`, ...options, '-cp', classPath.join(delimiter)]
  const nice = ['nice', '-n', NICENESS]
  const dump = [...nice, java, HEAP, '-Xshare:dump', `-XX:SharedClassListFile=${list}`, ...at]
  await run(dump, { workshop, request, context, timeoutMs: DUMP_TIMEOUT_MS })
  // With this, a JVM that can't use it ends with 1.
  const check = [java, '-Xshare:on', ...at, '-version']
  await run(check, { workshop, request, context, timeoutMs: CHECK_TIMEOUT_MS })
  const names = new Set<string>()
  for (const jar of jarsOf(classPath)) {
    if ((await stat(jar).catch(() => null)) === null) continue
    for (const name of await topNames(jar)) names.add(name)
  }
  await writeFile(join(workshop, NAMES), JSON.stringify([...names]))
  for (const left of ['list', 'stdout', 'stderr']) await rm(join(workshop, left), { force: true })
  // A machine that loses its power leaves no half of an archive under its name.
  for (const whole of [ARCHIVE, NAMES]) await synced(join(workshop, whole))
  const { size } = await stat(archive)
  folder.publish(key, workshop)
  const twice = shadowed(confDir, names)
  const unusedBecause =
    twice === null ? null : `${join(confDir, twice)} would be hidden by what a jar of Spark has`
  return { kind: 'made', bytes: size, classes: classes.length, unusedBecause }
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** @returns the lines of a list that is to be dumped; null: the executor has not come so far */
async function listed(path: string): Promise<string[] | null> {
  const file = await open(path, 'r').catch(() => null)
  if (file === null) return null
  try {
    if ((await file.stat()).size > MAX_LIST_BYTES) throw new Error(`${path} is too long`)
    const text = await file.readFile('utf8')
    if (!AT_WORK.test(text)) return null
    // The executor may still be writing the last line.
    const lines = text.slice(0, text.lastIndexOf('\n')).split('\n')
    return lines.filter((line) => !OF_OTHER_LOADERS.test(line))
  } finally {
    await file.close()
  }
}

interface Run {
  workshop: string
  request: Training
  context: TaskContext
  timeoutMs: number
}

/** @throws Error when it ends with another status than 0, late, or because the worker stops */
async function run(command: string[], { workshop, request, context, timeoutMs }: Run) {
  const { killed, tell, guardian } = context
  const environment = inheritedEnvironment(process.env, [])
  // Those that matter are among the request's options.
  for (const name of OPTION_VARIABLES) delete environment[name]
  killed.throwIfAborted()
  const child = await startProcess(
    { command, environment, stdin: 'ignore' },
    {
      directory: workshop,
      header: '',
      killTimeoutMs: KILL_TIMEOUT_MS,
      rolling: null,
      guardian,
      cancel: killed,
    },
  )
  tell({ kind: 'started', pid: child.pid, execMs: child.execMs })
  const { exitStatus, late } = await endWithin(child, timeoutMs, killed)
  tell({ kind: 'ended' })
  killed.throwIfAborted()
  if (late) throw new Error(`${request.java} was not done within ${timeoutMs / 1000} s`)
  if (exitStatus !== 0) {
    const words = await lastWords(join(workshop, 'stdout'), join(workshop, 'stderr'))
    throw new Error(`${request.java} ended with ${exitStatus}: ${words}`)
  }
}

async function lastWords(...paths: string[]): Promise<string> {
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => '')))
  const line = texts.flatMap((text) => text.split('\n')).findLast((each) => /\S/.test(each))
  return line?.trim().slice(0, SHOWN_CHARACTERS) ?? 'it wrote nothing'
}
