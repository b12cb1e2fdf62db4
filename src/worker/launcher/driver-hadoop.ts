/** Gets a file through the file systems of Hadoop that a Spark distribution brings: hdfs, s3a, whatever is on its class path. */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

import { stderrHeader } from '../command-line.js'
import type { GuardianLines } from '../guardian-lines.js'
import { javaAndClassPath, jvmEnvironment, type SparkJvm } from '../jvm-command.js'
import { endWithin, startProcess } from './watched-process.js'

/** The file may be big and far away; a name node that does not answer is tried again for minutes by Hadoop itself. */
const FETCH_TIMEOUT_MS = 900_000
const KILL_TIMEOUT_MS = 5000
/** Of what Hadoop has written before it failed; how to use it may come last. */
const READ_BYTES = 16_384
const SHOWN_CHARACTERS = 500
/** FsShell, unlike all other users of Hadoop's configuration, fails when there are none of them. */
const EXPECTED_FILES = ['core-site.xml', 'hdfs-site.xml']
const SETTING = /^-D(spark\.hadoop\.[^=]+)=(.*)$/s
const PREFIX = 'spark.hadoop.'

export interface HadoopFetch {
  jvm: SparkJvm
  /** The driver's folder, where this has a folder of its own meanwhile. */
  directory: string
  redactionPattern: RegExp
  guardian: GuardianLines
  signal: AbortSignal
  /** The process that fetches, for those who guard it. */
  onStarted(pid: number): void
  onEnded(): void
  timeoutMs?: number
}

/** @throws Error that says what failed */
export async function hadoopGet(
  url: string,
  destination: string,
  fetch: HadoopFetch,
): Promise<void> {
  const folder = await mkdtemp(join(fetch.directory, '.fetch-'))
  try {
    const conf = join(folder, 'conf.xml')
    // Keys of object stores are among them: they stand in no command line, and only the worker's user reads them.
    await writeFile(conf, configurationXml(hadoopSettings(fetch.jvm)), { mode: 0o600 })
    for (const name of EXPECTED_FILES)
      await writeFile(join(folder, name), configurationXml(new Map()))
    await run(['-conf', conf, '-get', url, destination], folder, fetch)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Hadoop's settings among the driver's Java options; the last one of a name counts. */
export function hadoopSettings({ command }: Pick<SparkJvm, 'command'>): Map<string, string> {
  const settings = new Map<string, string>()
  for (const option of command.javaOptions) {
    const match = SETTING.exec(option)
    if (match?.[1] !== undefined) settings.set(match[1].slice(PREFIX.length), match[2] ?? '')
  }
  return settings
}

export function configurationXml(settings: ReadonlyMap<string, string>): string {
  const lines = [...settings].map(
    ([name, value]) =>
      `  <property><name>${escaped(name)}</name><value>${escaped(value)}</value></property>\n`,
  )
  return `<?xml version="1.0" encoding="UTF-8"?>\n<configuration>\n${lines.join('')}</configuration>\n`
}

function escaped(text: string): string {
  // eslint-disable-next-line no-control-regex -- XML has no way to write the others
  const writable = text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '')
  return writable.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

async function run(args: readonly string[], folder: string, fetch: HadoopFetch): Promise<void> {
  const { jvm, guardian, signal, timeoutMs = FETCH_TIMEOUT_MS } = fetch
  const environment = jvmEnvironment(jvm)
  const { java, classPath } = javaAndClassPath(jvm, environment)
  // Last on the class path: those of a Hadoop that is configured on this machine come first.
  const path = [...classPath, folder].join(delimiter)
  const command = [java, '-Xmx512m', '-cp', path, 'org.apache.hadoop.fs.FsShell', ...args]
  signal.throwIfAborted()
  const child = await startProcess(
    { command, environment, stdin: 'ignore' },
    {
      directory: folder,
      header: stderrHeader(command, fetch.redactionPattern, 'driver'),
      killTimeoutMs: KILL_TIMEOUT_MS,
      rolling: null,
      guardian,
      cancel: signal,
    },
  )
  fetch.onStarted(child.pid)
  const { exitStatus, late } = await endWithin(child, timeoutMs, signal)
  fetch.onEnded()
  if (late) throw new Error(`Hadoop has not brought it within ${timeoutMs / 1000} s`)
  if (exitStatus !== 0) {
    throw new Error(`Hadoop failed with ${exitStatus}: ${await lastWords(join(folder, 'stderr'))}`)
  }
}

/** What FsShell wrote of its failure: the line of its command, else the innermost cause, else the last line. */
async function lastWords(path: string): Promise<string> {
  const lines = (await readEnd(path)).split('\n')
  const words =
    lines.find((line) => /^-?get: /.test(line)) ??
    lines.findLast((line) => line.startsWith('Caused by: ')) ??
    lines.findLast((line) => /^[^\s=]/.test(line))
  return words?.trim().slice(0, SHOWN_CHARACTERS) ?? 'it wrote nothing'
}

async function readEnd(path: string): Promise<string> {
  const file = await open(path, 'r').catch(() => null)
  if (file === null) return ''
  try {
    const { size } = await file.stat()
    const from = Math.max(0, size - READ_BYTES)
    const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, from)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
