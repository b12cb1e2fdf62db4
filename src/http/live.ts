/**
 * Pages that many browsers ask for again and again, to show what has changed: one that was just made is given to all who ask for
 * the same, and who has it already hears so in a few bytes.
 */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

import { page, type Answer } from './answer.js'
import { scriptPolicy } from './script.js'

/** With the age of what they are made of, and the pause of a browser (src/browser/live-page.ts), below a second. */
export const sharedFreshMs = 150
/** What else is asked for at the same time is made for its reader alone. */
export const sharedMax = 64

const compress = promisify(gzip)

export class SharedAnswers {
  readonly #freshMs: number
  readonly #kept = new Map<string, Promise<Answer>>()

  constructor(freshMs = sharedFreshMs) {
    this.#freshMs = freshMs
  }

  /** How many are kept now. */
  get size(): number {
    return this.#kept.size
  }

  /** @param key of all that the answer depends on, besides the cluster @throws what `make` throws */
  async get(key: string, make: () => Promise<Answer>): Promise<Answer> {
    const kept = this.#kept.get(key)
    if (kept !== undefined) return kept
    const answer = make()
    if (this.#kept.size >= sharedMax) return answer
    this.#kept.set(key, answer)
    const forget = () => void setTimeout(() => this.#kept.delete(key), this.#freshMs).unref()
    answer.then(forget, forget)
    return answer
  }
}

/** A page with the script that keeps it current, and a tag of what it shows. */
export function livePage(body: string): Answer {
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  let packed: Promise<Buffer> | null = null
  return {
    ...page(body),
    headers: { ...scriptPolicy, ETag: `W/"${digest}"` },
    packed: () => (packed ??= compress(body)),
  }
}

/** @param ifNoneMatch the tags of what its reader has @returns 304 when the answer is one of these */
export function revalidated(answer: Answer, ifNoneMatch: string | undefined): Answer {
  const tag = answer.headers?.['ETag']
  if (tag === undefined || ifNoneMatch === undefined) return answer
  const known = ifNoneMatch.split(',').some((one) => one.trim() === tag)
  if (!known) return answer
  return { status: 304, type: answer.type, body: '', headers: answer.headers ?? {} }
}
