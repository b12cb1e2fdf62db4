/** A real process that is killed while it writes a journal on a real disk. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Journal } from '../../src/store/journal.js'
import { seeded } from './fake-disk.js'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'magneto-kill-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const KEYS = 7

/** @returns the last commit that it said was done before it was killed */
async function writtenUntilKilled(first: number, commits: number): Promise<number> {
  const file = join(import.meta.dirname, 'journal-writer.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', file, folder, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let last = first - 1
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('committed')) continue
    last = Number(line.slice('committed '.length))
    if (last >= first + commits) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')
  return last
}

test('H3, Y10: kill -9 at any moment loses nothing that was acknowledged, and no lock stays', async () => {
  const random = seeded(20_261_121)
  let next = 0
  for (let round = 0; round < 6; round += 1) {
    const last = await writtenUntilKilled(next, 10 + Math.floor(random() * 300))
    const journal = new Journal(folder)
    const { records, damaged } = await journal.open()
    await journal.close()
    expect(damaged).toEqual([])
    const found = new Map(
      records.map(({ key, record }) => [key, Number.parseInt(Buffer.from(record).toString(), 10)]),
    )
    const newest = Math.max(...found.values())
    // What was under way when it died may be there, too.
    expect([last, last + 1]).toContain(newest)
    for (let commit = Math.max(0, newest - KEYS + 1); commit <= newest; commit += 1) {
      expect(found.get(`a_${commit % KEYS}`)).toBe(commit)
      expect(found.get(`b_${commit % KEYS}`)).toBe(commit)
    }
    expect(readdirSync(folder)).toHaveLength(1)
    next = newest + 1
  }
})
