/** CsvSink: a file for each gauge, a line for each time. */
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CsvSettings } from '../../conf/metrics-sinks.js'
import type { Sink } from './sink.js'

const HEADER = 't,value\n'
const MS_PER_S = 1000
/** Below what file systems take, with the ending. */
const MAX_NAME_BYTES = 240

export function csvSink({ directory }: Pick<CsvSettings, 'directory'>): Sink {
  return async (gauges, nowMs) => {
    for (const { name, value } of gauges) {
      const file = join(directory, `${fileName(name)}.csv`)
      await startFile(file)
      await appendFile(file, `${Math.floor(nowMs / MS_PER_S)},${value}\n`)
    }
  }
}

/** What there is is added to. */
async function startFile(file: string): Promise<void> {
  try {
    await writeFile(file, HEADER, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** One that stays in its folder, whatever an application calls itself. */
function fileName(name: string): string {
  const plain = name
    .replace(/^\//, '')
    .replaceAll('/', '.')
    .replaceAll(/\p{Cc}/gu, '_')
  const bytes = Buffer.from(plain)
  if (bytes.byteLength <= MAX_NAME_BYTES) return plain
  // The end says which gauge it is.
  const half = MAX_NAME_BYTES / 2
  return `${bytes.subarray(0, half).toString()}${bytes.subarray(-half).toString()}`.replaceAll(
    '\ufffd',
    '',
  )
}
