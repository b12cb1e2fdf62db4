/**
 * Rewrites a journal that is mostly garbage, beside the commits: what counts is copied entry by entry while commits go on
 * to the old file; what they wrote meanwhile is copied after it, and only the last bit of that keeps a commit waiting.
 */
import { StoreError } from './engine.js'
import type { JournalFile, Place, RawEntry } from './journal-file.js'
import type { JournalFolder } from './journal-folder.js'

/** Copied at a time. */
const CHUNK_BYTES = 1024 * 1024
/** A tail of commits this short is copied while the next commit waits. */
const SHORT_TAIL_BYTES = 256 * 1024
/** Commits that outrun the copying wait after so many rounds of it. */
const MAX_TAIL_ROUNDS = 4

export interface CompactionOptions {
  readonly folder: JournalFolder
  readonly from: JournalFile
  readonly to: JournalFile
  /** Lets no commit in while `work` runs. */
  readonly exclusively: (work: () => Promise<void>) => Promise<void>
  /** Asked between two chunks. @throws what ends it */
  readonly mayGoOn: () => void
  /** From here on only `to` counts, also when what follows fails. */
  readonly onSwitch: () => void
}

/** @throws whatever keeps it from being done; unless `onSwitch` was called, `from` is as good as before */
export async function compact(options: CompactionOptions): Promise<void> {
  const { folder, from, to, exclusively, mayGoOn, onSwitch } = options
  await to.start()
  let tailStart = 0
  let live: (readonly [string, Place])[] = []
  // Between two commits: what is written is noted, too.
  await exclusively(async () => {
    tailStart = from.bytes
    live = [...from.places]
    return Promise.resolve()
  })
  await copyEntries(live, options)
  await to.datasync()
  const shift = to.bytes - tailStart
  let copied = tailStart
  for (let round = 0; round < MAX_TAIL_ROUNDS; round += 1) {
    if (from.bytes - copied <= SHORT_TAIL_BYTES) break
    copied = await copyBatches(copied, from.bytes, options)
  }
  await exclusively(async () => {
    mayGoOn()
    await copyBatches(copied, from.bytes, options)
    to.adopt(from, tailStart, shift)
    await to.datasync()
    onSwitch()
    await to.complete()
    await folder.sync()
    await folder.mustBeNewest(to.number)
  })
}

async function copyEntries(
  live: readonly (readonly [string, Place])[],
  { from, to, mayGoOn }: CompactionOptions,
): Promise<void> {
  for (let next = 0; next < live.length;) {
    mayGoOn()
    // They stand in the order they were written: what is read is one stretch of the file, with garbage in it.
    const first = live[next]![1]
    let end = first.offset + first.bytes
    let last = next + 1
    for (; last < live.length; last += 1) {
      const { offset, bytes } = live[last]![1]
      if (offset + bytes - first.offset > CHUNK_BYTES) break
      end = offset + bytes
    }
    const stretch = await from.read(first.offset, end - first.offset)
    const entries = live.slice(next, last).map(([key, { offset, bytes }]): RawEntry => {
      const at = offset - first.offset
      return { key, raw: stretch.subarray(at, at + bytes) }
    })
    await to.appendRaw(entries)
    next = last
  }
}

/** @returns where it got to */
async function copyBatches(
  start: number,
  end: number,
  { from, to, mayGoOn }: CompactionOptions,
): Promise<number> {
  for (let at = start; at < end; at += CHUNK_BYTES) {
    mayGoOn()
    await to.appendBatches(from, at, Math.min(end, at + CHUNK_BYTES))
  }
  return end
}

/** It was told to stop; nothing is wrong. */
export class CompactionStopped extends StoreError {}
